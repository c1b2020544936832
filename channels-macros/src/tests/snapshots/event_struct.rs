#[automatically_derived]
impl<
    T: ::core::clone::Clone + ::core::marker::Send + ::core::marker::Sync + 'static,
> rt::TypedEvent for CursorMoved<T>
where
    CursorMoved<T>: rt::Serialize + rt::DeserializeOwned,
{
    const NAME: &'static str = "cursor.moved";
    const MISMATCH: &'static str = "`CursorMoved` is the event `cursor.moved`\n  help: write `#[handler(\"cursor.moved\")]`";
    fn duplicate(&self) -> Self {
        Self {
            user_id: rt::duplicate::<u64>(&self.user_id),
            board: rt::duplicate::<T>(&self.board),
            at: rt::duplicate::<(f64, f64)>(&self.at),
        }
    }
    fn coalesce_key(&self) -> ::core::option::Option<u64> {
        ::core::option::Option::Some(rt::key(&(&self.user_id, &self.board)))
    }
}
