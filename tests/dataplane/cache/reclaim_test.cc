#include "dataplane/cache/reclaim.h"

#include <gtest/gtest.h>

#include "tests/dataplane/cache/made_entry.h"

namespace cache {
namespace {

using tests::made_entry;
using tests::question;

TEST(Reclaim, WaitsForEveryReader) {
  Readers readers(2);
  Reclaim reclaim(readers);
  readers.join(0);
  readers.join(1);
  reclaim.retire(made_entry(question(1)));
  reclaim.collect();
  EXPECT_EQ(reclaim.waiting(), 1u);
  readers.quiescent(0);
  reclaim.collect();
  EXPECT_EQ(reclaim.waiting(), 1u);
  readers.quiescent(1);
  reclaim.collect();
  EXPECT_EQ(reclaim.waiting(), 0u);
  readers.leave(0);
  readers.leave(1);
}

TEST(Reclaim, WaitsForNobodyWhoSleepsOrLeft) {
  Readers readers(2);
  Reclaim reclaim(readers);
  readers.join(0);
  readers.join(1);
  readers.offline(0);
  readers.leave(1);
  reclaim.retire(made_entry(question(1)));
  reclaim.collect();
  EXPECT_EQ(reclaim.waiting(), 0u);
  readers.online(0);
  readers.leave(0);
}

TEST(Reclaim, KeepsWhatAFillStillNames) {
  Readers readers(1);
  Reclaim reclaim(readers);
  Entry* pinned = made_entry(question(1));
  pinned->pin();
  reclaim.retire(pinned);
  reclaim.retire(made_entry(question(2)));
  reclaim.collect();
  EXPECT_EQ(reclaim.waiting(), 1u)
      << "quiescence alone must not free a pinned entry, nor hold up the others";
  EXPECT_TRUE(tests::whole(*pinned, question(1)));
  pinned->unpin();
  reclaim.collect();
  EXPECT_EQ(reclaim.waiting(), 0u);
}

TEST(Reclaim, FreesWhatIsLeftWhenItGoes) {
  Readers readers(1);
  readers.join(0);
  Reclaim reclaim(readers);
  reclaim.retire(
      made_entry(question(1)));  // The leak check of the sanitizer build is the assertion.
  EXPECT_EQ(reclaim.waiting(), 1u);
}

}  // namespace
}  // namespace cache
