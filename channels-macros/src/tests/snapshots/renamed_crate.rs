#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_ref_mut,
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    clippy::unused_self,
    clippy::wrong_self_convention,
    reason = "a handler's signature is given by `#[consumer]`"
)]
impl Renamed {
    async fn a(&mut self, event: A) -> Result {}
}
#[automatically_derived]
impl crate::channels::__private::Handlers for Renamed {
    const TABLE: &'static crate::channels::__private::Table = {
        use crate::channels::__private::NoEvent as _;
        const ENTRIES: &[crate::channels::__private::Entry] = &[
            crate::channels::__private::Entry::event(
                    "a",
                    0,
                    crate::channels::__private::Mode::Async,
                )
                .key(crate::channels::__private::Expected::<A>::KEY),
        ];
        const SLOTS: [u16; crate::channels::__private::table_size(ENTRIES.len())] = crate::channels::__private::table_slots(
            ENTRIES,
        );
        &crate::channels::__private::Table::new(ENTRIES, &SLOTS)
    };
    async fn dispatch(
        &mut self,
        connection: &mut crate::channels::__private::ConnectionOf<Self>,
        handler: u16,
        input: crate::channels::__private::Input,
    ) -> crate::channels::__private::Outcome {
        match handler {
            0 => {
                crate::channels::__private::outcome::<
                    Result,
                >(Self::a(self, crate::channels::__private::event::<A>(input)?).await)
            }
            _ => crate::channels::__private::unknown(handler),
        }
    }
}
#[automatically_derived]
impl crate::channels::__private::Handles<A> for Renamed {}
const _: () = {
    use crate::channels::__private::NoEvent as _;
    crate::channels::__private::assert_event_type(
        crate::channels::__private::Expected::<A>::TYPE,
        "a",
    );
};
