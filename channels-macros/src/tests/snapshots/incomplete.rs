# [allow (clippy :: missing_const_for_fn , clippy :: needless_pass_by_ref_mut , clippy :: needless_pass_by_value , clippy :: trivially_copy_pass_by_ref , clippy :: unnecessary_wraps , clippy :: unused_async , clippy :: unused_self , clippy :: wrong_self_convention , reason = "a handler's signature is given by `#[consumer]`")]
impl Chat {
    async fn receive (& mut self , text :) -> Result {
    }
    async fn a (& mut self) -> Result {
        let x =;
        self .
    }
    async fn b (& mut self) -> {
        socket . send (;)
    }
    async fn
}
#[automatically_derived]
impl rt::Handlers for Chat {
    const TABLE: &'static rt::Table = {
        const ENTRIES: &[rt::Entry] = &[];
        const SLOTS: [u16; rt::table_size(ENTRIES.len())] = rt::table_slots(ENTRIES);
        &rt::Table::new(ENTRIES, &SLOTS)
    };
    async fn dispatch(
        &mut self,
        connection: &mut rt::ConnectionOf<Self>,
        handler: u16,
        input: rt::Input,
    ) -> rt::Outcome {
        match handler {
            _ => rt::unknown(handler),
        }
    }
}
::core::compile_error! {
    "`crate` needs a value\n  help: write `crate = ::my_crate::channels`"
}
