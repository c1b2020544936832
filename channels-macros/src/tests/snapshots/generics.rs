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
impl<S: Store, const N: usize> Room<S, N>
where
    S::Said: Clone,
{
    const GREETING: &'static str = "hello";
    async fn receive(&mut self, socket: &mut WebSocket, said: Json<S::Said>) -> Result {}
    async fn said(&mut self, event: &Stored<S>) -> Result {}
    async fn plain(&mut self, event: Plain) -> Result {}
}
#[automatically_derived]
impl<S: Store, const N: usize> rt::Handlers for Room<S, N>
where
    S::Said: Clone,
{
    const TABLE: &'static rt::Table = {
        use rt::NoEvent as _;
        const ENTRIES: &[rt::Entry] = &[
            rt::Entry::hook(rt::Hook::Receive, 1, rt::Mode::Async),
            rt::Entry::event("said", 2, rt::Mode::Async),
            rt::Entry::event("plain", 3, rt::Mode::Async).key(rt::Expected::<Plain>::KEY),
        ];
        const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);
        rt::supports::<Self, rt::hook::Receive>();
        &rt::Table::new(ENTRIES, &SLOTS)
    };
    async fn dispatch(
        &mut self,
        connection: &mut rt::ConnectionOf<Self>,
        handler: u16,
        input: rt::Input,
    ) -> rt::Outcome {
        match handler {
            1 => {
                rt::outcome::<
                    Result,
                >(
                    Self::receive(
                            self,
                            rt::connection::<Self, WebSocket>(connection),
                            rt::message::<Json<S::Said>>(input)?,
                        )
                        .await,
                )
            }
            2 => {
                const { rt::assert_event_type(rt::Expected::<Stored<S>>::TYPE, "said") }
                rt::outcome::<
                    Result,
                >(Self::said(self, rt::event_ref::<Stored<S>>(&input)?).await)
            }
            3 => {
                rt::outcome::<
                    Result,
                >(Self::plain(self, rt::event::<Plain>(input)?).await)
            }
            _ => rt::unknown(handler),
        }
    }
}
#[automatically_derived]
impl<S: Store, const N: usize> rt::Handles<Stored<S>> for Room<S, N>
where
    S::Said: Clone,
{}
#[automatically_derived]
impl<S: Store, const N: usize> rt::Handles<Plain> for Room<S, N>
where
    S::Said: Clone,
{}
const _: () = {
    use rt::NoEvent as _;
    rt::assert_event_type(rt::Expected::<Plain>::TYPE, "plain");
};
