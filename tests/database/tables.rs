//! The tables as Django makes them.

use serde_json::Value;

/// What `manage.py sqlmigrate` says for PostgreSQL.
pub(crate) fn postgres() -> String {
    let vectors = include_str!("../interop/django_db.json");
    let vectors: Value = serde_json::from_str(vectors).expect("JSON");
    let migrations = vectors["postgresql"]["sqlmigrate"].as_object();
    let migrations = migrations.expect("an object");
    assert_eq!(migrations.len(), 13);
    // In the order of the names: `auth.0001` and so on. What they refer to is of no interest here.
    let migrations: Vec<_> = migrations
        .values()
        .map(|migration| migration.as_str().expect("text"))
        .collect();
    format!(
        "CREATE TABLE django_content_type (id integer PRIMARY KEY);\n{}",
        migrations.join("\n")
    )
}

/// The same for MySQL and MariaDB, of what the stores use.
pub(crate) const MARIADB: &str = "
    CREATE TABLE `django_session` (
        `session_key` varchar(40) NOT NULL PRIMARY KEY,
        `session_data` longtext NOT NULL,
        `expire_date` datetime(6) NOT NULL
    );
    CREATE INDEX `django_session_expire_date_a5c62663` ON `django_session` (`expire_date`);
    CREATE TABLE `auth_user` (
        `id` integer AUTO_INCREMENT NOT NULL PRIMARY KEY,
        `password` varchar(128) NOT NULL,
        `last_login` datetime(6) NULL,
        `is_superuser` bool NOT NULL,
        `username` varchar(150) NOT NULL UNIQUE,
        `first_name` varchar(150) NOT NULL,
        `last_name` varchar(150) NOT NULL,
        `email` varchar(254) NOT NULL,
        `is_staff` bool NOT NULL,
        `is_active` bool NOT NULL,
        `date_joined` datetime(6) NOT NULL
    );
";
