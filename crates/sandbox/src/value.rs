//! Values that cross between a script and its sources, keeping their Python type.

/// A Python value. The JSON form (see the codec) tags what JSON has no word for.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// `None`
    Null,
    /// `bool`
    Bool(bool),
    /// `int` within 64 bits
    Int(i64),
    /// `int` beyond 64 bits, in decimal digits
    BigInt(String),
    /// `float`, NaN and infinities included
    Float(f64),
    /// `str`
    Text(String),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `decimal.Decimal`, in its own notation
    Decimal(String),
    /// `datetime.date`, ISO 8601
    Date(String),
    /// `datetime.time`, ISO 8601
    Time(String),
    /// `datetime.datetime`, ISO 8601, with offset if aware
    DateTime(String),
    /// `datetime.timedelta`, in microseconds
    Duration(i64),
    /// `uuid.UUID`, hyphenated
    Uuid(String),
    /// `list`
    List(Vec<Value>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// `dict`, in insertion order
    Dict(Vec<(Value, Value)>),
}

/// The bytes are no value of ours; says what was found and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub String);
