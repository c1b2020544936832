#[automatically_derived]
impl rt::TypedEvent for CallBack {
    const NAME: &'static str = "call.back";
    const MISMATCH: &'static str = "`CallBack` is the event `call.back`\n  help: write `#[handler(\"call.back\")]`";
    fn duplicate(&self) -> Self {
        Self {}
    }
}
::core::compile_error! {
    "invalid event type `Call Back`: ` ` is not allowed\n  help: did you mean `call.back`?"
}
