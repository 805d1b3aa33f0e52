#include "tls-workers/transport/record_budget.h"

#include <gtest/gtest.h>

namespace tests {
namespace {

using transport::RecordBudget;

TEST(RecordBudget, EndsAfterSoManyWithoutData) {
  RecordBudget budget;
  for (uint64_t i = 0; i < RecordBudget::kFree; ++i) budget.received();
  EXPECT_FALSE(budget.exceeded());
  budget.received();
  EXPECT_TRUE(budget.exceeded());
}

TEST(RecordBudget, RecordsOfDataCostNothing) {
  RecordBudget budget;
  for (int i = 0; i < 100'000; ++i) {
    budget.received();
    budget.carried(1);
  }
  EXPECT_FALSE(budget.exceeded());
}

TEST(RecordBudget, ARecordReadInPartsIsOne) {
  RecordBudget budget;
  for (int i = 0; i < 100'000; ++i) {
    budget.received();
    budget.carried(1);
    budget.carried(1);
  }
  EXPECT_FALSE(budget.exceeded());
}

TEST(RecordBudget, ALittleDataBetweenThemBuysNothing) {
  RecordBudget budget;
  for (uint64_t i = 0; i <= RecordBudget::kFree; ++i) {
    budget.received();  // Without data,
    budget.received();  // and with it.
    budget.carried(1);
  }
  EXPECT_TRUE(budget.exceeded());
}

TEST(RecordBudget, MuchDataBuysMore) {
  RecordBudget budget;
  for (uint64_t i = 0; i < 10 * RecordBudget::kFree; ++i) {
    budget.received();
    budget.received();
    budget.carried(RecordBudget::kOctetsForEach);
  }
  EXPECT_FALSE(budget.exceeded());
}

}  // namespace
}  // namespace tests
