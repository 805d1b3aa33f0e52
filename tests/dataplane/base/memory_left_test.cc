// What the kernel says about a process's memory, read as it is written on Debian, in containers and
// on machines with both versions of cgroups.
#include "dataplane/base/memory_left.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using base::left_in_cgroup;
using base::memory_cgroups;
using base::MemoryCgroup;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kVersion2 =
    "25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
    "34 25 0:29 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 "
    "rw,nsdelegate,memory_recursiveprot\n";

TEST(MemoryCgroups, AreTheProcesssOwnAndThoseAboveIt) {
  EXPECT_THAT(memory_cgroups("0::/system.slice/dotline.service\n", kVersion2),
              ElementsAre(MemoryCgroup{"/sys/fs/cgroup/system.slice/dotline.service", true},
                          MemoryCgroup{"/sys/fs/cgroup/system.slice", true},
                          MemoryCgroup{"/sys/fs/cgroup", true}));
}

TEST(MemoryCgroups, OfAContainerWithANamespaceAreItsRoot) {
  EXPECT_THAT(memory_cgroups("0::/\n", kVersion2),
              ElementsAre(MemoryCgroup{"/sys/fs/cgroup", true}));
}

TEST(MemoryCgroups, OfVersion1AreWhereMemoryIs) {
  EXPECT_THAT(
      memory_cgroups("9:name=systemd:/x\n4:cpu,memory:/docker/ab\n3:cpuset:/y\n0::/z\n",
                     "30 25 0:26 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                     "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,cpu,memory\n"),
      ElementsAre(MemoryCgroup{"/sys/fs/cgroup/memory/docker/ab", false},
                  MemoryCgroup{"/sys/fs/cgroup/memory/docker", false},
                  MemoryCgroup{"/sys/fs/cgroup/memory", false}));
}

TEST(MemoryCgroups, OfAContainerWithoutANamespaceAreWhatIsMountedThere) {
  EXPECT_THAT(memory_cgroups("4:memory:/docker/ab\n",
                             "31 25 0:27 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup "
                             "rw,memory\n"),
              ElementsAre(MemoryCgroup{"/sys/fs/cgroup/memory", false}));
}

TEST(MemoryCgroups, MayBeNone) {
  EXPECT_THAT(memory_cgroups("", ""), IsEmpty());
  EXPECT_THAT(memory_cgroups("0::/\n", "25 30 0:23 / /sys rw - sysfs sysfs rw\n"), IsEmpty());
  EXPECT_THAT(memory_cgroups("garbage", "garbage\n\n - - -\n"), IsEmpty());
}

TEST(LeftInCgroup, IsWhatIsNotUsed) {
  EXPECT_EQ(left_in_cgroup("1000\n", "300\n", ""), 700u);
  EXPECT_EQ(left_in_cgroup("1000\n", "1000\n", ""), 0u);
  EXPECT_EQ(left_in_cgroup("1000\n", "1200\n", ""), 0u);
}

TEST(LeftInCgroup, CountsWhatTheKernelWouldGiveUp) {
  EXPECT_EQ(
      left_in_cgroup("1000\n", "900\n", "anon 500\nfile 400\ninactive_file 250\nactive_file 50\n"),
      400u);
  EXPECT_EQ(left_in_cgroup("1000\n", "900\n",
                           "inactive_file 1\nactive_file 2\ntotal_inactive_file 250\n"
                           "total_active_file 50\n"),
            400u)
      << "those below as well, which version 1 says apart";
  EXPECT_EQ(left_in_cgroup("1000\n", "100\n", "inactive_file 5000\n"), 1000u);
}

TEST(LeftInCgroup, IsNothingWithoutALimit) {
  EXPECT_EQ(left_in_cgroup("max\n", "300\n", ""), std::nullopt);
  EXPECT_EQ(left_in_cgroup("9223372036854771712\n", "300\n", ""), std::nullopt);
  EXPECT_EQ(left_in_cgroup("", "", ""), std::nullopt);
}

TEST(MemoryLimits, SeeTheMachineAtLeast) {
  const auto left = base::MemoryLimits().left();
  ASSERT_TRUE(left);
  EXPECT_GT(left->octets, 0u);
}

TEST(MemoryLimits, SeeALimitOfTheAddressSpace) {
  const pid_t child = fork();
  if (child == 0) {
    const base::MemoryLimits limits;
    // Less than what is mapped already.
    const rlimit little{1 << 20, 1 << 20};
    (void)setrlimit(RLIMIT_AS, &little);
    const auto left = limits.left();
    _exit(left && left->octets == 0 && left->limit == "its address space (ulimit -v)" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
