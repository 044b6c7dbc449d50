//! TLS to the database, and the password: by a certificate that a named authority has signed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use journal_postgres::{Database, Taking, Target};
use settlement::journal::Storage as _;

use crate::server::Postgres;

fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postgres/certificates").join(name)
}

#[test]
#[ignore = "needs PostgreSQL; see CONTRIBUTING"]
fn the_certificate_must_be_of_the_named_authority_and_for_this_host() {
    let (server, port) =
        Postgres::start_with_tls(&certificate("server.pem"), &certificate("server.key"));
    let name = server.database();
    let place = tempfile::tempdir().unwrap();
    let passwords = place.path().join("pgpass");
    std::fs::write(&passwords, "*:*:*:gavel:hunter2\n").unwrap();
    std::fs::set_permissions(&passwords, std::fs::Permissions::from_mode(0o600)).unwrap();
    let target = |host: &str, authority: &str, passwords: &Path| {
        let (roots, passwords) = (certificate(authority), passwords.display());
        let roots = roots.display();
        let url = format!(
            "postgres://gavel@{host}:{port}/{name}?sslrootcert={roots}&passfile={passwords}"
        );
        Target::parse(&url).unwrap()
    };
    let good = target("localhost", "authority.pem", &passwords);
    let mut storage = Database::open(&good, Taking::IfFree).unwrap();
    storage.create("a").unwrap();
    storage.flush_directory().unwrap();
    drop(storage);
    for (host, authority) in [("localhost", "another.pem"), ("127.0.0.1", "authority.pem")] {
        let error = Database::open(&target(host, authority, &passwords), Taking::IfFree);
        let error = error.err().unwrap().to_string();
        assert!(error.contains("certificate"), "{host} {authority}: {error}");
    }
    // A wrong password is refused, and shows nowhere.
    std::fs::write(&passwords, "*:*:*:gavel:hunter3\n").unwrap();
    let error = Database::open(&good, Taking::IfFree).err().unwrap();
    assert!(error.to_string().contains("password authentication failed"), "{error}");
    assert!(!format!("{error:?} {good:?}").contains("hunter"), "{error:?}");
}
