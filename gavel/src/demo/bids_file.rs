//! The file of bids that the demonstration reads: CSV with the columns `bidder` and `price`.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use auction::money::{Decimal, MoneyError};

/// Longest file that is read, in bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 64 << 20;
/// Most bids in a file.
pub(crate) const MAX_ROWS: usize = 100_000;
/// Longest name of a bidder, in characters.
pub(crate) const MAX_NAME: usize = 200;

/// The file that ships with the program.
pub(crate) const SHIPPED: &str = include_str!("../../demo/bids.csv");

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Where it stands in the file, counted from 1; the header is line 1.
    pub(crate) line: u64,
    /// The bidder's name.
    pub(crate) bidder: String,
    /// The price as the file writes it.
    pub(crate) text: String,
    /// The price as a number.
    pub(crate) price: Decimal,
}

/// A file that cannot be read as bids. Whoever wrote it can mend it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BidsFileError {
    #[error("cannot read {path}: {source}")]
    Unreadable { path: String, source: std::io::Error },
    #[error("the file is longer than {MAX_FILE_BYTES} bytes")]
    TooLong,
    #[error("the file has more than {MAX_ROWS} bids")]
    TooManyRows,
    #[error("the file is empty, expected the header line 'bidder,price'")]
    NoHeader,
    #[error("line 1: got the columns '{got}', expected 'bidder,price'")]
    Header { got: String },
    #[error("line {line}: got {got} columns, expected {expected} as in the header")]
    Columns { line: u64, got: u64, expected: u64 },
    #[error("line {line}: the bytes are not UTF-8 text")]
    NotText { line: u64 },
    #[error("line {line}, column bidder: {problem}")]
    Bidder { line: u64, problem: NameProblem },
    #[error("line {line}, column price: {source}")]
    Price { line: u64, source: MoneyError },
    #[error("the file is not CSV: {0}")]
    NotCsv(csv::Error),
}

/// What is wrong with a bidder's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameProblem {
    #[error("the name is empty")]
    Empty,
    #[error("the name is longer than {MAX_NAME} characters")]
    TooLong,
    #[error("the name contains control characters")]
    Control,
    #[error("'{name}' has a bid on line {first} already: one bid a bidder")]
    Twice { name: String, first: u64 },
}

/// Reads the bids of a file, or of the shipped one.
pub(crate) fn read(path: Option<&Path>) -> Result<Vec<Row>, BidsFileError> {
    let Some(path) = path else { return parse(SHIPPED.as_bytes()) };
    let unreadable =
        |source| BidsFileError::Unreadable { path: path.display().to_string(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(BidsFileError::TooLong);
    }
    parse(&bytes)
}

/// Reads the bids of CSV text.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Row>, BidsFileError> {
    // Spreadsheets like to begin a file with a byte-order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let mut lines_of = Lines { bytes, offset: 0, line: 1 };
    let header = reader.headers().map_err(|error| of_csv(error, &mut lines_of))?;
    let columns = Columns::of(header)?;
    let mut rows: Vec<Row> = Vec::new();
    let mut lines: HashMap<String, u64> = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| of_csv(error, &mut lines_of))?;
        if rows.len() == MAX_ROWS {
            return Err(BidsFileError::TooManyRows);
        }
        let row = columns.row(&record, lines_of.at(record.position()))?;
        if let Some(first) = lines.insert(row.bidder.clone(), row.line) {
            let problem = NameProblem::Twice { name: row.bidder, first };
            return Err(BidsFileError::Bidder { line: row.line, problem });
        }
        rows.push(row);
    }
    Ok(rows)
}

/// In which columns name and price stand.
struct Columns {
    bidder: usize,
    price: usize,
}

impl Columns {
    fn of(header: &csv::StringRecord) -> Result<Self, BidsFileError> {
        let place = |wanted: &str| {
            let mut found = (0..).zip(header).filter(|(_, name)| name.eq_ignore_ascii_case(wanted));
            match (found.next(), found.next()) {
                (Some((place, _)), None) => Some(place),
                _ => None,
            }
        };
        match (place("bidder"), place("price")) {
            (Some(bidder), Some(price)) if header.len() == 2 => Ok(Self { bidder, price }),
            _ if header.is_empty() => Err(BidsFileError::NoHeader),
            _ => {
                let got = header.iter().collect::<Vec<_>>().join(",");
                Err(BidsFileError::Header { got: got.chars().take(MAX_NAME).collect() })
            }
        }
    }

    fn row(&self, record: &csv::StringRecord, line: u64) -> Result<Row, BidsFileError> {
        let bidder = record.get(self.bidder).unwrap_or_default();
        let text = record.get(self.price).unwrap_or_default();
        let problem = match bidder {
            "" => Some(NameProblem::Empty),
            name if name.chars().count() > MAX_NAME => Some(NameProblem::TooLong),
            name if name.chars().any(char::is_control) => Some(NameProblem::Control),
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(BidsFileError::Bidder { line, problem });
        }
        let price = Decimal::parse(text).map_err(|source| BidsFileError::Price { line, source })?;
        Ok(Row { line, bidder: bidder.to_owned(), text: text.to_owned(), price })
    }
}

/// Counts lines as an editor does. The reader's own count stands still at empty lines.
struct Lines<'a> {
    bytes: &'a [u8],
    offset: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that begins at this place, or after the empty lines there.
    fn at(&mut self, place: Option<&csv::Position>) -> u64 {
        let begin = place.map_or(0, csv::Position::byte);
        let begin = usize::try_from(begin).unwrap_or(usize::MAX);
        while let Some(byte) = self.bytes.get(self.offset) {
            let ends = match byte {
                b'\n' => true,
                b'\r' => self.bytes.get(self.offset + 1) != Some(&b'\n'),
                _ => false,
            };
            if self.offset >= begin && !matches!(byte, b'\n' | b'\r') {
                break;
            }
            self.line += u64::from(ends);
            self.offset += 1;
        }
        self.line
    }
}

fn of_csv(error: csv::Error, lines: &mut Lines<'_>) -> BidsFileError {
    match error.kind() {
        csv::ErrorKind::Utf8 { pos, .. } => BidsFileError::NotText { line: lines.at(pos.as_ref()) },
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => BidsFileError::Columns {
            line: lines.at(pos.as_ref()),
            got: *len,
            expected: *expected_len,
        },
        _ => BidsFileError::NotCsv(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn reads_names_and_prices_with_their_lines() {
        let rows = parse(b"bidder,price\nAnna, 12.50\n\r\n\"Smith, John\",7\n\n\nEve,1").unwrap();
        let seen: Vec<_> =
            rows.iter().map(|r| (r.line, r.bidder.as_str(), r.text.as_str())).collect();
        assert_eq!(seen, [(2, "Anna", "12.50"), (4, "Smith, John", "7"), (7, "Eve", "1")]);
    }

    #[test]
    fn takes_other_line_ends_a_byte_order_mark_and_either_order_of_columns() {
        let rows = parse(b"\xef\xbb\xbfPrice,Bidder\r\n12.50,Anna\r\n").unwrap();
        assert_eq!((rows[0].bidder.as_str(), rows[0].text.as_str()), ("Anna", "12.50"));
    }

    #[test]
    fn a_header_alone_is_no_bid_and_nothing_at_all_is_an_error() {
        assert_eq!(parse(b"bidder,price\n").unwrap(), []);
        assert!(matches!(parse(b""), Err(BidsFileError::NoHeader)));
        assert!(refused("Anna,12\n").contains("got the columns 'Anna,12'"));
        assert!(refused("bidder,price,price\n").contains("expected 'bidder,price'"));
    }

    #[test]
    fn errors_name_line_and_column() {
        assert!(
            refused("bidder,price\nA,1\nB,1.2.3\n")
                .starts_with("line 3, column price: got '1.2.3'")
        );
        assert!(refused("bidder,price\nA,-1\n").starts_with("line 2, column price"));
        assert!(
            refused("bidder,price\n,1\n").starts_with("line 2, column bidder: the name is empty")
        );
        assert!(
            refused("bidder,price\nA,1\nB,2\nA,3\n")
                .starts_with("line 4, column bidder: 'A' has a bid on line 2")
        );
        assert!(refused("bidder,price\nA,1,5\n").starts_with("line 2: got 3 columns, expected 2"));
        let bytes = b"bidder,price\nA\xff,1\n";
        assert!(matches!(parse(bytes), Err(BidsFileError::NotText { line: 2 })));
    }

    #[test]
    fn a_name_is_limited() {
        let long = format!("bidder,price\n{},1\n", "x".repeat(MAX_NAME + 1));
        assert!(refused(&long).contains("longer than 200 characters"));
        assert!(refused("bidder,price\n\"a\u{7}b\",1\n").contains("control characters"));
    }

    #[test]
    fn rows_are_limited() {
        let mut text = String::from("bidder,price\n");
        for row in 0..=MAX_ROWS {
            text.push_str(&format!("b{row},1\n"));
        }
        assert!(matches!(parse(text.as_bytes()), Err(BidsFileError::TooManyRows)));
    }

    #[test]
    fn the_shipped_file_reads() {
        let rows = read(None).unwrap();
        assert_eq!(rows.len(), 12);
    }
}
