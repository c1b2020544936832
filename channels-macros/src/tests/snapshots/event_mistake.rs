#[automatically_derived]
impl rt::TypedEvent for CallBack {
    const NAME: &'static str = "";
    const MISMATCH: &'static str = "";
    fn duplicate(&self) -> Self {
        Self {}
    }
}
::core::compile_error! {
    "invalid event type `Call Back`: ` ` is not allowed\n  help: did you mean `call.back`?"
}
