//! Words that only Python 2 knew, or that the original's sources answered to.

/// Names, and what to say of them where the script does not use them for things of its own.
pub(super) const NAMES: &[(&str, &str)] = &[
    ("unicode", "`unicode` is `str` now"),
    ("basestring", "`basestring` is `str` now"),
    ("long", "`long` is `int` now"),
    ("xrange", "`xrange` is `range` now"),
    ("raw_input", "there is nobody to ask: `raw_input` is gone"),
    ("unichr", "`unichr` is `chr` now"),
    ("reduce", "`reduce` is in `functools` now"),
    ("cmp", "`cmp` is gone: sort by `key=`, or compare with `(a > b) - (a < b)`"),
    ("execfile", "`execfile` is gone, and monitors see no files: import a helper from PYTHON_PATH"),
    ("izip", "`izip` is the builtin `zip` now"),
    ("imap", "`imap` is the builtin `map` now"),
    ("ifilter", "`ifilter` is the builtin `filter` now"),
    ("izip_longest", "`izip_longest` is `itertools.zip_longest` now"),
    ("self", "`self` was the original's own monitor row, and is not there"),
];

/// Modules that are gone, and what to say where they are imported or asked.
pub(super) const MODULES: &[(&str, &str)] = &[
    ("urllib2", "`urllib2` is gone, and monitors have no network: use an http source"),
    ("httplib", "`httplib` is gone, and monitors have no network: use an http source"),
    ("requests", "monitors have no network: use an http source"),
    ("boto", "monitors have no network, and `boto` is not there: use a source"),
    ("StringIO", "`StringIO` is in `io` now"),
    ("cStringIO", "`cStringIO` is gone: `StringIO` is in `io` now"),
    ("cPickle", "`cPickle` is `pickle` now"),
    ("urlparse", "`urlparse` is in `urllib.parse` now"),
    ("ConfigParser", "`ConfigParser` is `configparser` now"),
    ("Queue", "`Queue` is `queue` now"),
    ("md5", "the module `md5` is gone: `hashlib.md5(text.encode())`"),
    ("sha", "the module `sha` is gone: `hashlib.sha1(text.encode())`"),
    ("MySQLdb", "monitors have no database drivers: use a database source"),
    ("psycopg2", "monitors have no database drivers: use a database source"),
    ("sqlalchemy", "monitors have no database drivers: use a database source"),
];

/// Methods and attributes: what follows a dot.
pub(super) const ATTRIBUTES: &[(&str, &str)] = &[
    ("iteritems", "`.iteritems()` is `.items()` now"),
    ("itervalues", "`.itervalues()` is `.values()` now"),
    ("iterkeys", "`.iterkeys()` is `.keys()` now"),
    ("has_key", "`.has_key(x)` is `x in ...` now"),
    ("fetchall", "a database source answers a list of rows: take `.fetchall()` away"),
    ("fetchone", "a database source answers a list of rows: `[0]` is the first"),
    ("scalar", "a database source answers a list of rows: `[0][0]` is the first value"),
    ("rowcount", "a database source answers a list of rows: `len(...)` counts them"),
    ("maxint", "`sys.maxint` is `sys.maxsize` now; integers have no largest any more"),
];

/// What a module's attributes are called now: module, attributes, what to say.
pub(super) const MOVED: &[(&str, &[&str], &str)] = &[
    (
        "string",
        &[
            "join",
            "split",
            "replace",
            "find",
            "strip",
            "lower",
            "upper",
            "atoi",
            "atof",
            "zfill",
            "count",
            "joinfields",
        ],
        "functions of `string` are methods of the text now: `string.join(words, ' ')` is `' '.join(words)`",
    ),
    ("string", &["letters", "lowercase", "uppercase"], "`string.letters` is `string.ascii_letters` now"),
    (
        "urllib",
        &["urlencode", "quote", "quote_plus", "unquote", "unquote_plus"],
        "`urllib.urlencode` and its like are in `urllib.parse` now",
    ),
    ("urllib", &["urlopen", "urlretrieve"], "monitors have no network: use an http source"),
    ("time", &["clock"], "`time.clock` is gone: `time.perf_counter`"),
    ("os", &["getcwdu", "popen", "system"], "monitors see no files and start no programs: use a command source"),
    ("itertools", &["izip", "imap", "ifilter"], "`itertools.izip` and its like are builtins now, without the i"),
];

/// Functions that take bytes now, where a text would do.
pub(super) const TAKE_BYTES: &[&str] =
    &["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "b64encode", "hexlify", "crc32", "adler32"];

/// Encodings that are none of texts any more.
pub(super) const CODECS: &[&str] =
    &["hex", "base64", "rot13", "rot_13", "zip", "zlib", "bz2", "quopri", "uu", "string_escape", "string-escape"];
