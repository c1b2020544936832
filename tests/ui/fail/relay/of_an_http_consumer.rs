use channels::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event("call.back")]
struct CallBack;

#[consumer(http)]
struct Chat;

#[consumer]
impl Chat {
    #[handler("call.back", relay)]
    async fn call_back(&mut self, http: &mut HttpExchange, event: &CallBack) -> Result {
        http.send_json(event).await
    }
}

fn main() {}
