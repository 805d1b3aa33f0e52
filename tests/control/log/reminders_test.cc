#include "control/log/reminders.h"

#include <gmock/gmock.h>

namespace control {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const base::Time kStart{base::seconds(1000)};
const backends::Date kToday = std::chrono::sys_days{std::chrono::year{2026} / 11 / 22};

backends::BackendSettings backend(const std::string& name, const std::string& key_log_file = "") {
  backends::BackendSettings settings;
  settings.name = name;
  settings.tls.key_log_file = key_log_file;
  return settings;
}

backends::BackendReport until(backends::Date not_after) {
  backends::BackendReport report;
  report.certificate = {not_after, kToday};
  return report;
}

TEST(Reminders, SayNothingOfWhatIsWell) {
  Reminders reminders({backend("a"), backend("b")}, kStart);
  const std::vector<backends::BackendReport> reports = {{}, until(kToday + Reminders::kSoon)};
  EXPECT_THAT(reminders.look(reports, kStart, kToday), IsEmpty());
  EXPECT_THAT(reminders.look(reports, kStart + hours(100), kToday), IsEmpty());
}

TEST(Reminders, TellOnceADayOfACertificateThatExpiresSoon) {
  Reminders reminders({backend("a"), backend("b")}, kStart);
  const std::vector<backends::BackendReport> reports = {
      until(kToday + hours(24 * 300)), until(kToday + Reminders::kSoon - base::seconds(1))};
  EXPECT_THAT(reminders.look(reports, kStart, kToday),
              ElementsAre("backend b: its certificate expires on 2026-11-28 23:59 UTC, in 6 days "
                          "and 23 hours"));
  EXPECT_THAT(reminders.look(reports, kStart + base::seconds(1), kToday), IsEmpty());
  EXPECT_THAT(reminders.look(reports, kStart + hours(23), kToday + hours(23)), IsEmpty());
  EXPECT_THAT(reminders.look(reports, kStart + hours(24), kToday + hours(24)),
              ElementsAre(HasSubstr("in 5 days and 23 hours")));
}

TEST(Reminders, StopWhenItWasRenewed) {
  Reminders reminders({backend("a")}, kStart);
  EXPECT_FALSE(reminders.look({until(kToday + hours(1))}, kStart, kToday).empty());
  EXPECT_THAT(reminders.look({until(kToday + hours(2000))}, kStart + hours(48), kToday + hours(48)),
              IsEmpty());
}

TEST(Reminders, TellWhenItHasExpired) {
  Reminders reminders({backend("a")}, kStart);
  EXPECT_THAT(reminders.look({until(kToday)}, kStart, kToday),
              ElementsAre("backend a: its certificate expired on 2026-11-22 00:00 UTC; new "
                          "sessions are refused"));
}

TEST(Reminders, TellEveryHourThatKeysAreWritten) {
  Reminders reminders({backend("a"), backend("b", "/run/keys")}, kStart);
  const std::vector<backends::BackendReport> reports(2);
  EXPECT_THAT(reminders.look(reports, kStart, kToday), IsEmpty()) << "the start has told";
  for (int hour = 1; hour < 4; ++hour) {
    EXPECT_THAT(
        reminders.look(reports, kStart + hours(hour), kToday),
        ElementsAre(HasSubstr("backend b: the keys of its sessions are written to /run/keys")));
    EXPECT_THAT(reminders.look(reports, kStart + hours(hour) + std::chrono::minutes(59), kToday),
                IsEmpty());
  }
}

TEST(OwnCertificates, AreRemindedOfOnceADay) {
  OwnCertificateReminder reminder;
  const std::vector<OwnCertificateReminder::Shown> shown = {
      {"192.0.2.1:853", kToday + hours(24 * 300)}, {"192.0.2.1:443", kToday + hours(30)}};
  EXPECT_THAT(reminder.look(shown, kStart, kToday),
              ElementsAre("192.0.2.1:443: the certificate that clients are shown expires on "
                          "2026-11-23 06:00 UTC, in 1 days and 6 hours"));
  EXPECT_THAT(reminder.look(shown, kStart + hours(23), kToday + hours(23)), IsEmpty());
  EXPECT_THAT(reminder.look(shown, kStart + hours(31), kToday + hours(31)),
              ElementsAre(HasSubstr("expired on 2026-11-23 06:00 UTC; ")));
  EXPECT_THAT(reminder.look({}, kStart + hours(99), kToday + hours(99)), IsEmpty());
}

TEST(Http1, IsSaidWhenItBeginsAndOnceAnHourWhileItGoesOn) {
  Http1Reminder reminder;
  EXPECT_EQ(reminder.look(0, kStart), std::nullopt);
  EXPECT_THAT(reminder.look(1, kStart).value_or(""),
              StartsWith("1 connection was closed whose client speaks HTTP/1.1: "));
  EXPECT_EQ(reminder.look(900, kStart + std::chrono::minutes(59)), std::nullopt);
  EXPECT_THAT(reminder.look(1000, kStart + hours(1)).value_or(""),
              StartsWith("999 connections were closed whose client speaks HTTP/1.1: "));
  EXPECT_EQ(reminder.look(1000, kStart + hours(9)), std::nullopt);
  EXPECT_NE(reminder.look(1001, kStart + hours(9)), std::nullopt);
}

}  // namespace
}  // namespace control
