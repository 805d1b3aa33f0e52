// Numbers as people read them.
#include "control/text/amounts.h"

#include <gtest/gtest.h>

namespace control {
namespace {

TEST(Amounts, AreGroupedByThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(123'456), "123,456");
  EXPECT_EQ(grouped(18'446'744'073'709'551'615u), "18,446,744,073,709,551,615");
}

TEST(Amounts, AreCompactInColumns) {
  EXPECT_EQ(compact(0), "0");
  EXPECT_EQ(compact(999), "999");
  EXPECT_EQ(compact(1000), "1.0k");
  EXPECT_EQ(compact(41'200), "41.2k");
  EXPECT_EQ(compact(99'960), "100k");
  EXPECT_EQ(compact(999'600), "1.0M");
  EXPECT_EQ(compact(2e12), "2.0T");
  EXPECT_EQ(compact(5e15), "5000T");
}

TEST(Amounts, OfTimeHaveTwoUnitsAtMost) {
  EXPECT_EQ(span(-5), "0 s");
  EXPECT_EQ(span(0.9), "0 s");
  EXPECT_EQ(span(59.9), "59 s");
  EXPECT_EQ(span(60), "1 min");
  EXPECT_EQ(span(3599), "59 min");
  EXPECT_EQ(span(3600), "1 h 0 min");
  EXPECT_EQ(span(86'399), "23 h 59 min");
  EXPECT_EQ(span(61 * 86'400 + 3 * 3600), "61 d 3 h");
  EXPECT_EQ(span(1e300), "11574074074 d 1 h");
}

TEST(Amounts, OfTimeHaveOneUnitInColumns) {
  EXPECT_EQ(short_span(-1), "0s");
  EXPECT_EQ(short_span(59), "59s");
  EXPECT_EQ(short_span(61), "1m");
  EXPECT_EQ(short_span(7199), "1h");
  EXPECT_EQ(short_span(61.5 * 86'400), "61d");
}

TEST(Amounts, OfLatencyHaveTwoDigits) {
  EXPECT_EQ(latency(std::nullopt), "-");
  EXPECT_EQ(latency(0), "0µs");
  EXPECT_EQ(latency(0.00085), "850µs");
  EXPECT_EQ(latency(0.0082), "8.2ms");
  EXPECT_EQ(latency(0.0121), "12ms");
  EXPECT_EQ(latency(0.9996), "1.0s");
  EXPECT_EQ(latency(12.4), "12s");
}

TEST(Amounts, AsSharesAreNotRoundedUpToAll) {
  EXPECT_EQ(percent(0, 0), "-");
  EXPECT_EQ(percent(0, 7), "0.0 %");
  EXPECT_EQ(percent(973, 1000), "97.3 %");
  EXPECT_EQ(percent(99'999, 100'000), "99.9 %");
  EXPECT_EQ(percent(7, 7), "100.0 %");
}

TEST(Amounts, OfMemory) {
  EXPECT_EQ(octets(0), "0 B");
  EXPECT_EQ(octets(999), "999 B");
  EXPECT_EQ(octets(48'000'000), "48.0 MB");
  EXPECT_EQ(octets(999'999), "1.0 MB");
  EXPECT_EQ(octets(5'000'000'000'000'000), "5000.0 TB");
}

}  // namespace
}  // namespace control
