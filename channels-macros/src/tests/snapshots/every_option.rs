pub(crate) struct Room<S: Store = Memory, const N: usize>(
    S,
)
where
    S: Send;
#[automatically_derived]
impl<S: Store, const N: usize> ::my::channels::__private::Declaration for Room<S, N>
where
    S: Send,
{
    type Kind = ::my::channels::__private::HttpKind;
    const OPTIONS: ::my::channels::__private::Options = ::my::channels::__private::Options::new()
        .groups(&["a", "b"])
        .layer("jobs")
        .mailbox(10)
        .overflow(::my::channels::__private::Overflow::DropOldest);
}
