#include "runtime/base/printable.h"

#include "tests/support/catch.h"

using namespace dcgan;

TEST_CASE("ordinary text, other scripts included, is printed as it is") {
  for (const char* text : {"", "runs/faces", "with space and \\", "\u00e9\u4e2d\U0001f600"}) {
    CHECK(printable(text) == text);
  }
  CHECK(in_quotes("name") == "\"name\"");
}

TEST_CASE("what could forge a line or steer a terminal is escaped") {
  CHECK(printable("a\nb\tc\rd") == "a\\nb\\tc\\rd");
  CHECK(printable("\x1b[2J\x07\x7f") == "\\x1b[2J\\x07\\x7f");
  CHECK(printable("\u009b2J") == "\\x9b2J");              // C1: the escape code in one character
  CHECK(printable("\u202egnp.exe") == "\\u202egnp.exe");  // written right to left
  CHECK(printable("a\u2028b\u2066c") == "a\\u2028b\\u2066c");  // breaks a line
  CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
}

TEST_CASE("bytes that are not UTF-8 are escaped one by one") {
  CHECK(printable("caf\xe9!") == "caf\\xe9!");
  CHECK(printable("\xc3") == "\\xc3");                             // cut
  CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");                    // overlong
  CHECK(printable("\xe0\x80\xaf") == "\\xe0\\x80\\xaf");           // overlong
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // a surrogate
  CHECK(printable("\xf5\x80\x80\x80").starts_with("\\xf5\\x80"));  // beyond U+10FFFF
}

TEST_CASE("UTF-8 is told from other bytes") {
  for (const char* text : {"", "abc\n", "\u00e9\u4e2d\U0001f600"}) CHECK(is_utf8(text));
  for (const char* text : {"caf\xe9", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\x80"}) {
    CHECK(!is_utf8(text));
  }
}

TEST_CASE("long text is cut at a character and says how much is left out") {
  CHECK(in_quotes(std::string(kMostShown, 'x')) == "\"" + std::string(kMostShown, 'x') + "\"");
  CHECK(in_quotes(std::string(1000, 'x')) ==
        "\"" + std::string(200, 'x') + "... (800 more bytes)\"");
  CHECK(printable("ab\u00e9", 3) == "ab... (2 more bytes)");
  const std::vector<std::string> many(1'000'000, "tensor");
  CHECK(first_few({"a", "b\n"}) == "a, b\\n");
  CHECK(first_few(many).ends_with("tensor and 999992 more"));
}
