//! Expressions made wider for the automaton, and by that small.
//!
//! The automaton only tells which patterns may match. Exact, it would have some hundred states for
//! each `\w`, and one for each digit of each UUID.

use regex_syntax::hir::{
    Capture, Class, ClassBytes, ClassBytesRange, Hir, HirKind, Look, Repetition,
};

/// How many bytes of a value the automaton looks at one by one.
const LONG: usize = 8;

/// An expression that matches the whole of each path in which this one matches somewhere, and of
/// others perhaps. It looks at bytes.
pub(super) fn widened(hir: &Hir) -> Hir {
    let looks = hir.properties();
    let mut parts = Vec::with_capacity(3);
    if !looks.look_set_prefix().contains(Look::Start) {
        parts.push(repeated(anything(), 0));
    }
    parts.push(wide(hir));
    if !looks.look_set_suffix().contains(Look::End) {
        parts.push(repeated(anything(), 0));
    }
    Hir::concat(parts)
}

fn wide(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(Look::Start | Look::End) => {
            hir.clone()
        }
        HirKind::Class(Class::Bytes(class)) => Hir::class(Class::Bytes(class.clone())),
        // A character is one byte, or several that are not ASCII.
        HirKind::Class(Class::Unicode(class)) if class.is_ascii() => {
            Hir::class(Class::Bytes(bytes_of(hir)))
        }
        HirKind::Class(Class::Unicode(_)) => repeated(bytes_of(hir), 1),
        // Whether a word ends here depends on what is a letter.
        HirKind::Look(_) => Hir::empty(),
        HirKind::Capture(Capture { sub, .. }) if !is_long(sub) => wide(sub),
        // However often, and in whatever order.
        HirKind::Capture(_) | HirKind::Repetition(_) => {
            let optional = hir.properties().minimum_len() == Some(0);
            repeated(bytes_of(hir), u32::from(!optional))
        }
        HirKind::Concat(subs) => Hir::concat(subs.iter().map(wide).collect()),
        HirKind::Alternation(subs) => Hir::alternation(subs.iter().map(wide).collect()),
    }
}

/// Whether a value may take more places than tell one route from another.
fn is_long(value: &Hir) -> bool {
    value
        .properties()
        .maximum_len()
        .is_none_or(|most| most > LONG)
}

/// All bytes that a match may consist of.
fn bytes_of(hir: &Hir) -> ClassBytes {
    let mut bytes = ClassBytes::empty();
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => {
            let each = literal
                .0
                .iter()
                .map(|&byte| ClassBytesRange::new(byte, byte));
            bytes = ClassBytes::new(each);
        }
        HirKind::Class(Class::Bytes(class)) => bytes = class.clone(),
        HirKind::Class(Class::Unicode(class)) => {
            let ascii = class.iter().filter(|range| range.start().is_ascii());
            bytes = ClassBytes::new(ascii.map(|range| {
                let last = range.end().min('\x7f');
                ClassBytesRange::new(range.start() as u8, last as u8)
            }));
            if !class.is_ascii() {
                bytes.push(ClassBytesRange::new(0x80, 0xff));
            }
        }
        HirKind::Capture(Capture { sub, .. }) | HirKind::Repetition(Repetition { sub, .. }) => {
            bytes = bytes_of(sub);
        }
        HirKind::Concat(subs) | HirKind::Alternation(subs) => {
            for sub in subs {
                bytes.union(&bytes_of(sub));
            }
        }
    }
    bytes
}

fn anything() -> ClassBytes {
    ClassBytes::new([ClassBytesRange::new(0, 0xff)])
}

fn repeated(bytes: ClassBytes, min: u32) -> Hir {
    Hir::repetition(Repetition {
        min,
        max: None,
        greedy: true,
        sub: Box::new(Hir::class(Class::Bytes(bytes))),
    })
}
