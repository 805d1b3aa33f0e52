#include "tls-workers/transport/key_log.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/temporary_folder.h"

namespace tests {
namespace {

using testing::HasSubstr;

class KeyLogTest : public testing::Test {
 protected:
  void SetUp() override { folder_ = make_temporary_folder("key-log"); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }
  [[nodiscard]] std::string contents(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }
  /// What both the check and the start say.
  static void expect_refused(const std::string& path, const std::string& why) {
    const auto fault = transport::fault_of_key_log(path);
    ASSERT_TRUE(fault) << path;
    EXPECT_THAT(*fault, HasSubstr(why));
    EXPECT_THROW(transport::KeyLog unused(path), std::runtime_error);
  }

  std::filesystem::path folder_;
};

TEST_F(KeyLogTest, IsMadeForItsOwnerOnlyAndAppendedTo) {
  EXPECT_EQ(transport::fault_of_key_log(path("keys")), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(path("keys"))) << "checking makes nothing";
  transport::KeyLog(path("keys")).write("first");
  struct stat status {};
  ASSERT_EQ(stat(path("keys").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(transport::fault_of_key_log(path("keys")), std::nullopt);
  transport::KeyLog(path("keys")).write("second");
  EXPECT_EQ(contents("keys"), "first\nsecond\n");
}

TEST_F(KeyLogTest, RefusesAFileThatOthersCanRead) {
  std::ofstream(path("keys")) << "";
  for (const mode_t mode : {0640U, 0604U, 0644U, 0620U}) {
    ASSERT_EQ(chmod(path("keys").c_str(), mode), 0);
    expect_refused(path("keys"), "is open to other users");
  }
}

TEST_F(KeyLogTest, RefusesWhatIsNoFile) {
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  std::ofstream(path("keys")) << "";
  ASSERT_EQ(chmod(path("keys").c_str(), 0600), 0);
  std::filesystem::create_symlink("keys", path("link"));
  expect_refused(path("fifo"), "");
  expect_refused(path("link"), "");
  expect_refused("/dev/null", "is not a regular file");
  expect_refused(folder_.string(), "is not a regular file");
}

TEST_F(KeyLogTest, RefusesAFolderThatIsMissing) {
  expect_refused(path("missing/keys"), "is in no folder that exists");
}

TEST_F(KeyLogTest, RefusesTheFileOfAnotherUser) {
  std::string file = "/etc/passwd";  // Root's; only root has to give one away.
  if (geteuid() == 0) {
    file = path("keys");
    std::ofstream(file) << "";
    ASSERT_EQ(chmod(file.c_str(), 0600), 0);
    ASSERT_EQ(chown(file.c_str(), 65534, 65534), 0);
  }
  EXPECT_THAT(*transport::fault_of_key_log(file), HasSubstr("belongs to another user"));
  EXPECT_THROW(transport::KeyLog unused(file), std::runtime_error);
}

}  // namespace
}  // namespace tests
