//! A PostgreSQL server of a test's own: in a temporary directory, on a Unix socket.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use journal_postgres::{Database, Target};

/// Who runs it where the tests run as root, which PostgreSQL refuses: nobody.
const NOBODY: u32 = 65_534;
const USER: &str = "gavel";

/// A server; it is killed when this is dropped.
pub struct Postgres {
    place: tempfile::TempDir,
    child: Option<Child>,
    databases: AtomicU32,
    /// More settings.
    more: Vec<String>,
    /// The port that it listens on too.
    tcp: Option<u16>,
}

/// A program of PostgreSQL's, in the path or where Debian puts it.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        places.extend(versions.map(|version| version.unwrap().path().join("bin")));
    }
    let found = places.iter().map(|place| place.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("no {name} here: these tests need PostgreSQL"))
}

fn is_root() -> bool {
    Path::new("/proc/self").metadata().unwrap().uid() == 0
}

fn command(name: &str) -> Command {
    let mut command = Command::new(program(name));
    command.stdin(Stdio::null()).stdout(Stdio::null()).current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

impl Postgres {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// One that listens on a port of the loopback interface too, over TLS and for whoever has the
    /// password; the port.
    pub fn start_with_tls(certificate: &Path, key: &Path) -> (Self, u16) {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        drop(taken);
        let (certificate, key) = (std::fs::read(certificate).unwrap(), std::fs::read(key).unwrap());
        let mut server = Self::start_with(&[("server.crt", &certificate), ("server.key", &key)]);
        server.sql("postgres", "ALTER USER gavel PASSWORD 'hunter2'");
        server.kill();
        let data = server.place.path().join("data");
        let users = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(data.join("pg_hba.conf"), users).unwrap();
        server.more = ["ssl=on", "listen_addresses=127.0.0.1"].map(str::to_owned).to_vec();
        server.tcp = Some(port);
        server.go();
        (server, port)
    }

    fn start_with(files: &[(&str, &[u8])]) -> Self {
        let place = tempfile::tempdir().unwrap();
        if is_root() {
            chown(place.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut made = command("initdb");
        made.args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "-U", USER, "-D"]);
        assert!(made.arg(place.path().join("data")).status().unwrap().success());
        for (name, content) in files {
            let path = place.path().join("data").join(name);
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            if is_root() {
                chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let (child, databases) = (None, AtomicU32::new(0));
        let mut server = Self { place, child, databases, more: Vec::new(), tcp: None };
        server.go();
        server
    }

    /// Starts it, and waits until it answers.
    pub fn go(&mut self) {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.place.path().join("log"))
            .unwrap();
        for _ in 0..600 {
            let running = match &mut self.child {
                Some(child) => child.try_wait().unwrap().is_none(),
                None => false,
            };
            if !running {
                // Those of a server that was killed may still be ending.
                let mut command = command("postgres");
                command.arg("-D").arg(self.place.path().join("data"));
                command.arg("-k").arg(self.place.path());
                command.args(["-c", "listen_addresses=", "-c", "max_connections=60"]);
                for setting in &self.more {
                    command.args(["-c", setting]);
                }
                if let Some(port) = self.tcp {
                    command.args(["-p", &port.to_string()]);
                }
                command.stderr(log.try_clone().unwrap());
                self.child = Some(command.spawn().unwrap());
            }
            if self.answers() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{}", std::fs::read_to_string(self.place.path().join("log")).unwrap());
    }

    fn answers(&self) -> bool {
        // Its tables are not there, and it says so.
        let error = Database::open_to_read(&self.target("postgres")).err();
        error.is_none_or(|error| error.kind() == std::io::ErrorKind::NotFound)
    }

    /// SIGKILL, without a word to anybody.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// A name for a directory that goes with this server.
    pub fn directory(&self) -> PathBuf {
        let number = self.databases.fetch_add(1, Ordering::SeqCst);
        self.place.path().join(format!("directory{number}"))
    }

    /// The directory of its socket.
    pub fn socket(&self) -> &Path {
        self.place.path()
    }

    pub fn url(&self, database: &str) -> String {
        let port = self.tcp.map_or_else(String::new, |port| format!("&port={port}"));
        format!("{}{port}", url(self.place.path(), database))
    }

    fn target(&self, database: &str) -> Target {
        Target::parse(&self.url(database)).unwrap()
    }

    /// A new database with the tables of a journal; its name.
    pub fn database(&self) -> String {
        let name = format!("journal{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        Database::make(&self.target(&name)).unwrap();
        name
    }

    /// The same, with where it is.
    pub fn journal(&self) -> (String, Target) {
        let name = self.database();
        let target = self.target(&name);
        (name, target)
    }

    /// Says something to a database, as its owner would; what comes back, as text.
    pub fn sql(&self, database: &str, text: &str) -> Vec<String> {
        sql(&self.url(database), text)
    }
}

pub fn url(socket: &Path, database: &str) -> String {
    format!("postgres:///{database}?user={USER}&host={}", socket.display())
}

pub fn sql(url: &str, text: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let said = client.simple_query(text).await.unwrap();
        let rows = said.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some(row.get(0).unwrap_or_default().to_owned())
            }
            _ => None,
        });
        rows.collect()
    })
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
