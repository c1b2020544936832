/// A chat.
#[derive(Default)]
pub struct ChatConsumer;
#[automatically_derived]
impl rt::Declaration for ChatConsumer {
    type Kind = rt::WebSocketKind;
    const OPTIONS: rt::Options = rt::Options::new().groups(&["f1"]);
}
const _: () = rt::require_handlers::<ChatConsumer>();
