#[automatically_derived]
impl ::my::channels::__private::TypedEvent for Shape {
    const NAME: &'static str = "shape";
    const MISMATCH: &'static str = "`Shape` is the event `shape`\n  help: write `#[handler(\"shape\")]`";
    fn duplicate(&self) -> Self {
        match self {
            Self::Circle { 0: field_0 } => {
                Self::Circle {
                    0: ::my::channels::__private::duplicate::<f64>(field_0),
                }
            }
            Self::Named { name: field_0, sides: field_1 } => {
                Self::Named {
                    name: ::my::channels::__private::duplicate::<String>(field_0),
                    sides: ::my::channels::__private::duplicate::<u8>(field_1),
                }
            }
            Self::Empty {} => Self::Empty {},
        }
    }
}
