#include "tls-workers/backends/backend_report.h"

#include <gtest/gtest.h>

#include <array>

namespace tests {
namespace {

using std::chrono::seconds;

const backends::Date kDate{seconds(1'700'000'000)};

TEST(BackendRecord, KeepsTheLastOfEach) {
  backends::BackendRecord record;
  EXPECT_FALSE(record.read().last_failure);
  EXPECT_FALSE(record.read().certificate);
  record.failed({backends::Failure::Connect, "first"}, kDate);
  record.failed({backends::Failure::Tls, "second"}, kDate + seconds(1));
  record.saw_certificate(kDate + seconds(100), kDate);
  const backends::BackendReport report = record.read();
  EXPECT_EQ(report.last_failure->kind, backends::Failure::Tls);
  EXPECT_EQ(report.last_failure->text, "second");
  EXPECT_EQ(report.last_failure->at, kDate + seconds(1));
  EXPECT_EQ(report.certificate->not_after, kDate + seconds(100));
}

TEST(LatestReport, IsTheLatestThatAnyWorkerHas) {
  std::array<backends::BackendRecord, 3> records;
  records[0].failed({backends::Failure::Connect, "late"}, kDate + seconds(9));
  records[1].failed({backends::Failure::Eof, "early"}, kDate);
  // Renewed: who has seen it later is right, whatever it says.
  records[0].saw_certificate(kDate + seconds(500), kDate);
  records[1].saw_certificate(kDate + seconds(200), kDate + seconds(1));
  const std::array<const backends::BackendRecord*, 3> all = {&records[0], &records[1], &records[2]};
  EXPECT_EQ(backends::latest(all).last_failure->text, "late");
  EXPECT_EQ(backends::latest(all).certificate->not_after, kDate + seconds(200));
  EXPECT_FALSE(backends::latest({}).certificate);
}

}  // namespace
}  // namespace tests
