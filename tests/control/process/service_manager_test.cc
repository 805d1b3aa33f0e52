// What arrives at systemd's socket, which the test is the other end of.
#include "control/process/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/temporary_folder.h"

namespace control {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using Threads = ServiceManager::Threads;

class ServiceManagerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = tests::make_temporary_folder("dotline-notify");
    const std::string path = (folder_ / "notify").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ASSERT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path.c_str(), 1);
    setenv("WATCHDOG_USEC", "10000000", 1);
  }
  void TearDown() override {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    close(socket_);
    std::filesystem::remove_all(folder_);
  }

  /// All that has come since the last call. A datagram is there when its sender returns.
  std::vector<std::string> heard() const {
    std::vector<std::string> messages;
    std::array<char, 4096> buffer{};
    for (ssize_t size; (size = recv(socket_, buffer.data(), buffer.size(), 0)) >= 0;)
      messages.emplace_back(buffer.data(), static_cast<size_t>(size));
    return messages;
  }

  std::filesystem::path folder_;
  int socket_ = -1;
};

TEST_F(ServiceManagerTest, TellsOfStartAndEnd) {
  ServiceManager manager;
  manager.ready();
  manager.stopping();
  EXPECT_THAT(heard(), ElementsAre("READY=1", "STOPPING=1"));
}

TEST_F(ServiceManagerTest, TellsWhenAReloadBegan) {
  ServiceManager manager;
  manager.reloading();
  manager.ready();
  EXPECT_THAT(heard(),
              ElementsAre(MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]+"), "READY=1"));
}

TEST_F(ServiceManagerTest, FeedsTheWatchdogOnlyWhileAllThreadsMove) {
  ServiceManager manager;
  manager.tick(Threads::AllMove, "");
  manager.tick(Threads::SomeStand, "");
  manager.tick(Threads::AllMove, "");
  EXPECT_THAT(heard(), ElementsAre("WATCHDOG=1", "WATCHDOG=1"));
}

TEST_F(ServiceManagerTest, FeedsNoWatchdogThatIsNotThere) {
  unsetenv("WATCHDOG_USEC");
  ServiceManager manager;
  manager.tick(Threads::AllMove, "");
  EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(ServiceManagerTest, TellsAStatusWhenItChanges) {
  unsetenv("WATCHDOG_USEC");
  ServiceManager manager;
  for (const char* status : {"2 of 2 backends up", "2 of 2 backends up", "a\nb"})
    manager.tick(Threads::AllMove, status);
  EXPECT_THAT(heard(), ElementsAre("STATUS=2 of 2 backends up", "STATUS=a\\010b"));
}

TEST_F(ServiceManagerTest, DoesNotWaitForAManagerThatHangs) {
  ServiceManager manager;
  // Its queue takes net.unix.max_dgram_qlen of them, usually 10; these would wait for ever.
  for (int i = 0; i < 1000; ++i) manager.tick(Threads::AllMove, "status " + std::to_string(i));
  manager.ready();
  EXPECT_THAT(heard(), Not(Contains("READY=1")));
  manager.tick(Threads::AllMove, "status");
  EXPECT_THAT(heard(), ElementsAre("READY=1", "WATCHDOG=1", "STATUS=status"));
}

TEST_F(ServiceManagerTest, IsSilentWithoutAManager) {
  unsetenv("NOTIFY_SOCKET");
  ServiceManager manager;
  manager.ready();
  manager.tick(Threads::AllMove, "status");
  EXPECT_THAT(heard(), IsEmpty());
}

}  // namespace
}  // namespace control
