//! SQL as each database spells it.

use std::sync::Arc;
use std::time::Duration;

/// How long a statement may take: a little longer than SQLite waits for another process.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long a statement may take that goes through a whole table.
const LONG_PATIENCE: Duration = Duration::from_secs(600);

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

/// A statement, ready to be sent.
pub(super) struct Statement {
    pub(super) text: Arc<str>,
    /// Which value each placeholder takes, counted from 0.
    pub(super) order: Vec<usize>,
    /// Whether it may be sent again where it is not known whether it has been run.
    pub(super) repeatable: bool,
    pub(super) patience: Duration,
}

impl Dialect {
    /// A name in quotes. It is known to hold no quotes itself.
    pub(super) fn quoted(self, name: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("\"{name}\""),
            Self::MySql => format!("`{name}`"),
        }
    }

    /// The condition that a column of text is the same as one of the values, letter for letter.
    ///
    /// MySQL's usual collations take `a` for `A` and ignore spaces at the end. So the value is
    /// compared twice there: by the index, then by its bytes.
    pub(super) fn exactly(self, column: &str, placeholders: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("{column} IN ({placeholders})"),
            Self::MySql => {
                let bytes = placeholders
                    .split(", ")
                    .map(|placeholder| format!("CAST({placeholder} AS BINARY)"))
                    .collect::<Vec<_>>()
                    .join(", ");
                format!(
                    "({column} IN ({placeholders}) \
                     AND CAST(CONVERT({column} USING utf8mb4) AS BINARY) IN ({bytes}))"
                )
            }
        }
    }

    /// A column's value as text, whatever its type.
    pub(super) fn as_text(self, column: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("CAST({column} AS text)"),
            Self::MySql => format!("CAST({column} AS char)"),
        }
    }
}

/// `$1, $2, …`: as many placeholders as there are values.
pub(super) fn placeholders(count: usize) -> String {
    (1..=count)
        .map(|number| format!("${number}"))
        .collect::<Vec<_>>()
        .join(", ")
}

impl Statement {
    /// Takes SQL with PostgreSQL's placeholders, `$1` for the first value, which SQLite knows too.
    /// MySQL's have no numbers: there each use of a value is a placeholder of its own.
    pub(super) fn new(dialect: Dialect, sql: &str) -> Self {
        let mut parts = sql.split('$');
        let mut text = parts.next().unwrap_or_default().to_owned();
        let mut order: Vec<usize> = Vec::new();
        let mut most = 0;
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = part[..digits].parse().unwrap_or_default();
            most = most.max(number);
            if dialect == Dialect::MySql {
                text.push('?');
                text.push_str(&part[digits..]);
                order.push(number.saturating_sub(1));
            } else {
                text.push('$');
                text.push_str(part);
            }
        }
        if dialect != Dialect::MySql {
            order = (0..most).collect();
        }
        Self {
            text: text.into(),
            order,
            repeatable: true,
            patience: PATIENCE,
        }
    }

    /// The same, but never sent twice.
    pub(super) fn once(self) -> Self {
        Self {
            repeatable: false,
            ..self
        }
    }

    /// The same, for a whole table.
    pub(super) fn long(self) -> Self {
        Self {
            patience: LONG_PATIENCE,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_spelled_as_the_database_has_them() {
        let sql = "UPDATE t SET a = $1 WHERE b = $2 AND (c = $3 OR c = $1)";
        let statement = Statement::new(Dialect::Postgres, sql);
        assert_eq!(&*statement.text, sql);
        assert_eq!(statement.order, [0, 1, 2]);

        let statement = Statement::new(Dialect::MySql, sql);
        assert_eq!(
            &*statement.text,
            "UPDATE t SET a = ? WHERE b = ? AND (c = ? OR c = ?)"
        );
        assert_eq!(statement.order, [0, 1, 2, 0]);

        assert!(Statement::new(Dialect::MySql, "SELECT 1").order.is_empty());
    }
}
