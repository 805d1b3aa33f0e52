// A log whose reader is slow, silent or gone: nobody who writes waits for it.
#include "control/log/log_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "control/log/log.h"
#include "control/log/stdio_redirect.h"

namespace control {
namespace {

using base::milliseconds;
using base::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string line(size_t number) { return "line " + std::to_string(number) + "\n"; }

/// A pipe, its writing end the log's.
class LogWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);  // As control/process/signals.cc has it.
    ASSERT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0);
    writer_ = std::make_unique<LogWriter>(ends_[1]);
  }
  void TearDown() override {
    writer_.reset();
    hang_up();
    close(ends_[1]);
  }

  void start() const {
    ASSERT_TRUE(writer_->start([] { return Confined{}; }));
  }
  void hang_up() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }
  /// Until nothing more goes in. Gives how many octets that were.
  [[nodiscard]] size_t fill() const {
    const std::string filler(4096, '.');
    size_t filled = 0;
    while (write_if_there_is_room(ends_[1], filler)) filled += filler.size();
    return filled;
  }
  /// The next octets, waited for.
  [[nodiscard]] std::string read(size_t size) const {
    std::string text;
    std::array<char, 65536> buffer{};
    while (text.size() < size) {
      const ssize_t got =
          ::read(ends_[0], buffer.data(), std::min(buffer.size(), size - text.size()));
      if (got <= 0) break;
      text.append(buffer.data(), static_cast<size_t>(got));
    }
    return text;
  }

  std::array<int, 2> ends_{-1, -1};
  std::unique_ptr<LogWriter> writer_;
};

TEST_F(LogWriterTest, WritesAtOnceWhatAStartSays) {
  writer_->push("no such interface\n");
  EXPECT_EQ(read(18), "no such interface\n");
}

TEST_F(LogWriterTest, WritesFromAThreadLater) {
  writer_->push(line(0));
  start();
  writer_->push(line(1));
  EXPECT_EQ(read(14), line(0) + line(1));
}

TEST_F(LogWriterTest, FailsWithTheWordOfTheThreadsBeginning) {
  const Confined begun = writer_->start([] { return Confined(base::fail(std::string("no"))); });
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error(), "no");
}

/// Before there is a thread, and with one.
class FullPipe : public LogWriterTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    LogWriterTest::SetUp();
    filled_ = fill();
    if (GetParam()) start();
  }
  size_t filled_ = 0;
};

TEST_P(FullPipe, KeepsNobodyWaitingAndCountsWhatDoesNotFit) {
  constexpr size_t kMore = 1000;
  for (size_t i = 0; i < LogWriter::kMostLines + kMore; ++i) writer_->push(line(i));
  EXPECT_EQ(writer_->losses().overflowed, kMore);
  EXPECT_EQ(writer_->losses().refused, 0u);
}

TEST_P(FullPipe, IsBoundedInOctetsToo) {
  const std::string large(LogWriter::kMostOctets / 4, 'x');
  for (int i = 0; i < 6; ++i) writer_->push(large);
  EXPECT_EQ(writer_->losses().overflowed, 2u);
}

TEST_P(FullPipe, WritesWhatItHasKeptInOrderOnceSomebodyReads) {
  std::string expected;
  for (size_t i = 0; i < 2000; ++i) {
    expected += line(i);
    writer_->push(line(i));
  }
  (void)read(filled_);
  if (!GetParam()) writer_->push("");  // Whoever speaks next writes.
  EXPECT_EQ(read(expected.size()), expected);
}

TEST_P(FullPipe, TellsHowLongALineWaits) {
  writer_->push(line(0));
  const base::Time begin = base::Clock::now();
  while (writer_->waiting(begin + seconds(60)) == base::Duration{0})
    std::this_thread::sleep_for(milliseconds(1));
  EXPECT_GT(writer_->waiting(begin + seconds(60)), seconds(50));
  (void)read(filled_);
  if (!GetParam()) writer_->push("");
  (void)read(line(0).size());
  while (writer_->waiting(base::Clock::now()) > base::Duration{0})
    std::this_thread::sleep_for(milliseconds(1));
}

TEST_P(FullPipe, DoesNotKeepTheProcessFromEnding) {
  for (size_t i = 0; i < 100; ++i) writer_->push(line(i));
  const base::Time begin = base::Clock::now();
  writer_.reset();
  EXPECT_LT(base::Clock::now() - begin, seconds(10)) << "which is for slow machines";
}

INSTANTIATE_TEST_SUITE_P(Threads, FullPipe, testing::Bool(), [](const auto& has_thread) {
  return has_thread.param ? "from_a_thread" : "without_one";
});

TEST_F(LogWriterTest, WritesWhatIsLeftAtTheEnd) {
  start();
  std::string expected;
  for (size_t i = 0; i < 1000; ++i) {
    expected += line(i);
    writer_->push(line(i));
  }
  writer_.reset();
  EXPECT_EQ(read(expected.size()), expected);
}

TEST_F(LogWriterTest, WritesALineThatIsLongerThanThePipe) {
  start();
  const std::string large = std::string(300'000, 'x') + "\n";
  writer_->push(large);
  EXPECT_EQ(read(large.size()), large);
}

TEST_F(LogWriterTest, CountsWhatNobodyWillEverRead) {
  hang_up();
  for (size_t i = 0; i < 10; ++i) writer_->push(line(i));
  EXPECT_EQ(writer_->losses().refused, 10u);
  EXPECT_EQ(writer_->losses().overflowed, 0u);
}

/// A socket says that there is room, and then waits for more of it: so do journals and terminals.
TEST(LogWriterAtASocket, EndsThoughAWriteHangs) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  constexpr int kLittle = 1;  // The kernel takes its least.
  setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &kLittle, sizeof kLittle);
  auto writer = std::make_unique<LogWriter>(ends[0]);
  ASSERT_TRUE(writer->start([] { return Confined{}; }));
  for (size_t i = 0; i < 4000; ++i) writer->push(std::string(200, 'x'));
  while (writer->waiting(base::Clock::now()) < milliseconds(100))
    std::this_thread::sleep_for(milliseconds(1));
  const base::Time begin = base::Clock::now();
  writer.reset();
  EXPECT_LT(base::Clock::now() - begin, seconds(10)) << "which is for slow machines";
  // A thread that hangs has them to the end of the process, or until its peer is gone.
  close(ends[1]);
}

class TellsLosses : public LogWriterTest {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0);
  }
};

TEST_F(TellsLosses, OnceSomebodyReadsAgain) {
  const auto writer = std::make_shared<LogWriter>(ends_[1]);
  Log log(writer, LogLevel::Info, Log::Front::Priority);
  const size_t filled = fill();
  const base::Time begin = base::Clock::now();
  for (size_t i = 0; i < LogWriter::kMostLines + 7; ++i) log.write(LogLevel::Info, "x");
  log.tell_losses(begin + seconds(60));
  EXPECT_EQ(log.lost(), 7u) << "with no room for more, it does not try";
  (void)read(filled);
  ASSERT_TRUE(log.start_thread([] { return Confined{}; }));
  constexpr size_t kOctets = sizeof "<6>x\n" - 1;
  EXPECT_THAT(read(LogWriter::kMostLines * kOctets), SizeIs(LogWriter::kMostLines * kOctets));
  while (log.unread_for(base::Clock::now()) > base::Duration{0})
    std::this_thread::sleep_for(milliseconds(1));
  log.tell_losses(begin + milliseconds(61'500));
  log.tell_losses(begin + seconds(62));
  log.write(LogLevel::Info, "the next line");
  const std::string told = "<4>7 lines of the log are lost here: for 61 s nobody took them\n";
  EXPECT_EQ(read(told.size() + 17), told + "<6>the next line\n");
}

TEST_F(TellsLosses, ButNotToWhoHasGone) {
  const auto writer = std::make_shared<LogWriter>(ends_[1]);
  Log log(writer, LogLevel::Info, Log::Front::Priority);
  hang_up();
  for (int i = 0; i < 5; ++i) {
    log.write(LogLevel::Info, "x");
    log.tell_losses(base::Clock::now());
  }
  EXPECT_EQ(log.lost(), 5u) << "and does not count its own words about it";
}

}  // namespace
}  // namespace control
