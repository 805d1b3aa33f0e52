// Names: where one ends, which pointers are followed, and that only ASCII letters have a case.
#include "dataplane/dns/name.h"

#include <gtest/gtest.h>

#include "tests/message_builder.h"

namespace dns {
namespace {

using tests::Bytes;
using tests::bytes_of;
using tests::joined;
using tests::name_of_size;
using tests::pointer_to;
using tests::wire_name;

/// 127 labels of one octet: 255 octets with the root.
Bytes name_of_127_labels() {
  Bytes name;
  for (int i = 0; i < 127; ++i) name = joined({bytes_of({1, 'a'}), name});
  return joined({name, bytes_of({0})});
}

TEST(ReadQuestionName, TakesWholeNames) {
  struct Case {
    const char* name;
    Bytes wire;
  };
  for (const Case& c : {
           Case{"root", bytes_of({0})},
           Case{"usual", wire_name("www.example.com")},
           Case{"longest_label", wire_name(std::string(63, 'a'))},
           Case{"longest_name", name_of_size(255)},
           Case{"most_labels", name_of_127_labels()},
           Case{"octets_that_are_no_letters", bytes_of({5, 0, '.', 0xFF, 0x1B, '\n', 0})},
       }) {
    SCOPED_TRACE(c.name);
    Reader alone(c.wire);
    EXPECT_EQ(bytes_of(read_question_name(alone)), c.wire) << "name_ends_on_last_byte";
    EXPECT_TRUE(alone.ok() && alone.at_end());

    const Bytes followed = joined({c.wire, bytes_of({1})});
    Reader reader(followed);
    EXPECT_EQ(bytes_of(read_question_name(reader)), c.wire);
    EXPECT_EQ(reader.remaining(), 1u);
  }
}

TEST(ReadQuestionName, RefusesEverythingElse) {
  struct Case {
    const char* name;
    Bytes wire;
  };
  for (const Case& c : {
           Case{"nothing", {}},
           Case{"no_root", bytes_of({1, 'a'})},
           Case{"label_cut_short", bytes_of({3, 'a', 'b'})},
           Case{"label_of_64", joined({bytes_of({64}), Bytes(64, std::byte{'a'}), bytes_of({0})})},
           Case{"label_type_01", joined({bytes_of({0x40}), Bytes(80), bytes_of({0})})},
           Case{"label_type_10", joined({bytes_of({0x80}), Bytes(200), bytes_of({0})})},
           Case{"pointer_at_once", joined({pointer_to(12), Bytes(20)})},
           Case{"pointer_after_a_label", joined({bytes_of({1, 'a'}), pointer_to(12), Bytes(20)})},
           Case{"name_of_256", name_of_size(256)},
           Case{"name_of_300", name_of_size(300)},
           Case{"labels_without_end", Bytes(4000, std::byte{1})},
       }) {
    SCOPED_TRACE(c.name);
    Reader reader(c.wire);
    EXPECT_TRUE(read_question_name(reader).empty());
    EXPECT_FALSE(reader.ok());
  }
}

/// A header, then `after_header`; names are stepped over at `at`.
std::optional<size_t> skip_in(const Bytes& after_header, size_t at) {
  const Bytes message = joined({Bytes(kHeaderSize), after_header});
  return skip_name(message, at);
}

TEST(SkipName, StepsOverNames) {
  struct Case {
    const char* name;
    Bytes after_header;
    size_t at;
    size_t end;
  };
  const Bytes a = wire_name("a");  // 3 octets
  for (const Case& c : {
           Case{"uncompressed", a, 12, 15},
           Case{"root_on_last_byte", joined({a, bytes_of({0})}), 15, 16},
           Case{"pointer_on_last_bytes", joined({a, pointer_to(12)}), 15, 17},
           Case{"label_then_pointer", joined({a, bytes_of({1, 'b'}), pointer_to(12)}), 15, 19},
           Case{"pointer_to_a_root", joined({a, pointer_to(14)}), 15, 17},
           Case{"pointer_to_a_pointer", joined({a, pointer_to(12), pointer_to(15)}), 17, 19},
           Case{"longest_by_pointer",
                joined({name_of_size(191), bytes_of({63}), Bytes(63), pointer_to(12)}), 203, 269},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(skip_in(c.after_header, c.at), std::optional<size_t>(c.end));
  }
}

TEST(SkipName, RefusesMalformedNames) {
  struct Case {
    const char* name;
    Bytes after_header;
    size_t at;
  };
  const Bytes a = wire_name("a");
  for (const Case& c : {
           Case{"beyond_the_end", a, 15},
           Case{"far_beyond_the_end", a, 70000},
           Case{"label_cut_short", bytes_of({2, 'a'}), 12},
           Case{"half_a_pointer", joined({a, bytes_of({0xC0})}), 15},
           Case{"pointer_to_itself", joined({a, pointer_to(15)}), 15},
           Case{"pointer_to_its_own_labels", joined({a, bytes_of({1, 'b'}), pointer_to(15)}), 15},
           Case{"pointer_to_labels_that_run_into_it",
                joined({bytes_of({1}), pointer_to(12), Bytes(12), bytes_of({0})}), 13},
           Case{"pointer_forward", joined({a, pointer_to(17), a}), 15},
           Case{"pointer_off_the_end", joined({a, pointer_to(0x3FFF)}), 15},
           Case{"pointer_to_the_header", joined({a, pointer_to(11)}), 15},
           Case{"pointer_to_octet_zero", joined({a, pointer_to(0)}), 15},
           Case{"two_that_point_at_each_other", joined({pointer_to(14), pointer_to(12)}), 14},
           Case{"pointer_into_a_label_of_letters", joined({wire_name("zz"), pointer_to(13)}), 16},
           Case{"label_type_01", bytes_of({0x41, 0, 0}), 12},
           Case{"label_type_10", bytes_of({0x80, 0, 0}), 12},
           Case{"name_of_256", name_of_size(256), 12},
           Case{"one_octet_too_long_by_pointer",
                joined({name_of_size(192), bytes_of({63}), Bytes(63), pointer_to(12)}), 204},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(skip_in(c.after_header, c.at), std::nullopt);
  }
}

/// A root, then `count` pointers of which each points to the one before it.
Bytes chain(size_t count) {
  Bytes after_header = bytes_of({0});
  size_t target = kHeaderSize;
  for (size_t i = 0; i < count; ++i) {
    const size_t here = kHeaderSize + after_header.size();
    after_header = joined({after_header, pointer_to(target)});
    target = here;
  }
  return after_header;
}

TEST(SkipName, FollowsOneHundredAndTwentySevenPointersAndNoMore) {
  const size_t last_of_127 = kHeaderSize + 1 + size_t{2} * 126;
  EXPECT_EQ(skip_in(chain(127), last_of_127), std::optional<size_t>(last_of_127 + 2));
  EXPECT_EQ(skip_in(chain(128), last_of_127 + 2), std::nullopt);
}

TEST(SkipName, CountsStepsOfAllNamesOfAMessage) {
  const Bytes message = joined({Bytes(kHeaderSize), wire_name("a.b"), pointer_to(12)});
  NameWalk walk{.steps_left = 5, .ttls = {}};
  EXPECT_TRUE(skip_name(message, 17, walk));  // One pointer, two labels.
  EXPECT_EQ(walk.steps_left, 2u);
  EXPECT_FALSE(skip_name(message, 17, walk));
  EXPECT_TRUE(skip_name(message, 12, walk)) << "names without pointers cost nothing";
}

TEST(SkipName, RefusesToRunThroughATtl) {
  struct Case {
    const char* name;
    uint16_t ttl_at;  // The name that is pointed to occupies 16..20.
    bool passes;
  };
  const Bytes message =
      joined({Bytes(kHeaderSize), Bytes(4), wire_name("abc"), Bytes(4), pointer_to(16)});
  for (const Case& c :
       {Case{"ends_where_the_name_starts", 12, true},
        Case{"last_octet_is_the_name's_first", 13, false}, Case{"inside", 17, false},
        Case{"first_octet_is_the_name's_last", 20, false},
        Case{"starts_where_the_name_ends", 21, true}}) {
    SCOPED_TRACE(c.name);
    NameWalk walk{.ttls = {&c.ttl_at, 1}};
    EXPECT_EQ(skip_name(message, 25, walk).has_value(), c.passes);
  }
}

TEST(Name, IsLowerCasedAndKeepsItsSize) {
  const Name name(wire_name("WwW.ExAmPlE"));
  EXPECT_EQ(bytes_of(name.wire()), wire_name("www.example"));
  EXPECT_EQ(name, Name(wire_name("www.example")));
  EXPECT_FALSE(name == Name(wire_name("www.exampl")));
  EXPECT_FALSE(name == Name(wire_name("wwx.example")));
  EXPECT_EQ(Name(name_of_size(255)).size(), 255u);
}

TEST(LowerCase, ChangesLettersAndNothingElse) {
  for (int octet = 0; octet < 256; ++octet) {
    const Bytes in = bytes_of({octet});
    Bytes out(1);
    lower_case(in, out.data());
    const bool upper = octet >= 'A' && octet <= 'Z';
    EXPECT_EQ(static_cast<int>(out[0]), upper ? octet + 32 : octet);
  }
}

TEST(EqualIgnoringCase, TellsApartWhatLowerCasingDoes) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      Bytes low_a(1);
      Bytes low_b(1);
      lower_case(bytes_of({a}), low_a.data());
      lower_case(bytes_of({b}), low_b.data());
      ASSERT_EQ(equal_ignoring_case(bytes_of({a}), bytes_of({b})), low_a == low_b) << a << " " << b;
    }
  }
}

TEST(EqualIgnoringCase, ComparesSizesAndTheLastOctet) {
  EXPECT_TRUE(equal_ignoring_case({}, {}));
  EXPECT_FALSE(equal_ignoring_case(bytes_of({1}), bytes_of({1, 2})));
  Bytes long_a(100, std::byte{'q'});
  Bytes long_b(100, std::byte{'Q'});
  EXPECT_TRUE(equal_ignoring_case(long_a, long_b));
  long_b.back() = std::byte{'p'};
  EXPECT_FALSE(equal_ignoring_case(long_a, long_b));
}

}  // namespace
}  // namespace dns
