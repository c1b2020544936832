#[automatically_derived]
impl ::my::channels::__private::TypedEvent for Shape {
    const NAME: &'static str = "shape";
    const MISMATCH: &'static str = "`Shape` is the event `shape`\n  help: write `#[handler(\"shape\")]`";
    fn duplicate(&self) -> Self {
        match self {
            Self::Circle { 0: field_0 } => {
                Self::Circle {
                    0: <f64 as ::core::clone::Clone>::clone(field_0),
                }
            }
            Self::Named { name: field_0, sides: field_1 } => {
                Self::Named {
                    name: <String as ::core::clone::Clone>::clone(field_0),
                    sides: <u8 as ::core::clone::Clone>::clone(field_1),
                }
            }
            Self::Empty {} => Self::Empty {},
        }
    }
}
