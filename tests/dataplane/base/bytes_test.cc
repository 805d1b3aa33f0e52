// Reader and Writer: nothing past the end, failure stays, and one place is no overlap.
#include "dataplane/base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <vector>

namespace base {
namespace {

constexpr std::array<std::byte, 7> kSeven = {std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                             std::byte{5}, std::byte{6}, std::byte{7}};

TEST(Reader, ReadsBigEndianInOrder) {
  Reader reader(kSeven);
  EXPECT_EQ(reader.u8(), 0x01);
  EXPECT_EQ(reader.be16(), 0x0203);
  EXPECT_EQ(reader.be32(), 0x04050607u);
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(reader.at_end());
}

TEST(Reader, ReadsUpToTheLastOctetAndNoFurther) {
  struct Case {
    const char* name;
    size_t skip;
    bool fits_be16;
    bool fits_be32;
  };
  for (const Case& c : {Case{"four_left", 3, true, true}, Case{"three_left", 4, true, false},
                        Case{"two_left", 5, true, false}, Case{"one_left", 6, false, false},
                        Case{"none_left", 7, false, false}}) {
    SCOPED_TRACE(c.name);
    Reader two(kSeven);
    two.skip(c.skip);
    (void)two.be16();
    EXPECT_EQ(two.ok(), c.fits_be16);
    Reader four(kSeven);
    four.skip(c.skip);
    (void)four.be32();
    EXPECT_EQ(four.ok(), c.fits_be32);
  }
}

TEST(Reader, StaysFailedAndYieldsZeros) {
  Reader reader(kSeven);
  EXPECT_TRUE(reader.take(8).empty());
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.position(), 0u);
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_EQ(reader.be16(), 0);
  EXPECT_EQ(reader.be32(), 0u);
  EXPECT_TRUE(reader.take(1).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(Reader, TakesNothingFromNothing) {
  Reader reader{ByteView()};
  EXPECT_TRUE(reader.at_end());
  EXPECT_TRUE(reader.take(0).empty());
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(Reader, FailsOnRequest) {
  Reader reader(kSeven);
  reader.fail();
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(Writer, WritesBigEndianInOrder) {
  std::array<std::byte, 7> room{};
  Writer writer(room);
  writer.u8(0x01);
  writer.be16(0x0203);
  writer.be32(0x04050607);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(writer.room(), 0u);
  EXPECT_EQ(room, kSeven);
}

TEST(Writer, DropsWhatDoesNotFitAndAllThatFollows) {
  std::array<std::byte, 4> room{};
  Writer writer(ByteSpan(room).first(3));
  writer.be16(0xAABB);
  writer.be16(0xCCDD);
  EXPECT_FALSE(writer.ok());
  writer.u8(0xEE);
  writer.zeros(1);
  writer.bytes(kSeven);
  EXPECT_EQ(writer.size(), 2u);
  EXPECT_EQ(room[2], std::byte{0});
  EXPECT_EQ(room[3], std::byte{0});
}

TEST(Writer, LeavesBytesThatAlreadyLieAtTheirPlace) {
  std::array<std::byte, 7> room = kSeven;
  Writer writer(room);
  writer.bytes(ByteView(room).first(5));
  writer.bytes({});
  writer.zeros(2);
  EXPECT_TRUE(writer.ok());
  EXPECT_EQ(room[4], std::byte{5});
  EXPECT_EQ(room[5], std::byte{0});
  EXPECT_EQ(writer.written().size(), 7u);
}

RC_GTEST_PROP(Bytes, WhatIsWrittenIsRead, (uint8_t one, uint16_t two, uint32_t four)) {
  std::array<std::byte, 7> room{};
  Writer writer(room);
  writer.be32(four);
  writer.u8(one);
  writer.be16(two);
  Reader reader(writer.written());
  RC_ASSERT(reader.be32() == four);
  RC_ASSERT(reader.u8() == one);
  RC_ASSERT(reader.be16() == two);
  RC_ASSERT(reader.ok() && reader.at_end());
}

RC_GTEST_PROP(Bytes, NoSequenceOfReadsLeavesTheView,
              (const std::vector<uint8_t>& octets, const std::vector<uint16_t>& sizes)) {
  Reader reader(std::as_bytes(std::span(octets)));
  size_t taken = 0;
  for (const uint16_t size : sizes) {
    const size_t wanted = size % 8u;
    const bool fits = reader.ok() && taken + wanted <= octets.size();
    RC_ASSERT(reader.take(wanted).size() == (fits ? wanted : 0));
    taken += fits ? wanted : 0;
    RC_ASSERT(reader.position() == taken);
  }
}

}  // namespace
}  // namespace base
