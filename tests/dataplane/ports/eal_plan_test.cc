#include "dataplane/ports/eal_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/poll/counters.h"

namespace {

using ports::DeviceKind;
using ports::EalPlan;
using ports::EalSettings;
using ports::Hugepages;
using ports::Machine;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Machine kFourCpus = {.cpus = {0, 1, 2, 3},
                           .hugepages = {{.page_kilobytes = 2048, .pages = 256}}};

EalSettings settings_for(std::vector<unsigned> cores) {
  EalSettings settings;
  settings.cores = std::move(cores);
  return settings;
}

ports::PortSettings port(DeviceKind kind, std::string target) {
  ports::PortSettings made;
  made.kind = kind;
  made.target = std::move(target);
  return made;
}

EalPlan plan(const EalSettings& settings, const Machine& machine = kFourCpus) {
  auto made = ports::plan_eal(settings, machine, 77);
  EXPECT_TRUE(made.has_value()) << made.error();
  return made.value_or(EalPlan{});
}

std::string refusal(const EalSettings& settings, const Machine& machine = kFourCpus) {
  const auto made = ports::plan_eal(settings, machine, 77);
  return made ? "accepted" : made.error();
}

TEST(PlanEal, PinsOneLcorePerCoreAndControlToTheRest) {
  const EalPlan made = plan(settings_for({3, 1}));
  EXPECT_THAT(made.arguments, Contains("--lcores=0@(0,2),1@3,2@1"));
  EXPECT_THAT(made.control_cpus, ElementsAre(0, 2));
}

TEST(PlanEal, SharesAllCpusWithControlIfEveryOnePolls) {
  const EalPlan made = plan(settings_for({0, 1, 2, 3}));
  EXPECT_THAT(made.arguments, Contains("--lcores=0@(0,1,2,3),1@0,2@1,3@2,4@3"));
  EXPECT_THAT(made.control_cpus, ElementsAre(0, 1, 2, 3));
}

TEST(PlanEal, NamesEachInstance) {
  EXPECT_THAT(plan(settings_for({1})).arguments, Contains("--file-prefix=dotline-77"));
}

TEST(PlanEal, TakesHugepagesWhenEnoughAreFree) {
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 512;
  const EalPlan made = plan(settings);
  EXPECT_TRUE(made.hugepages);
  EXPECT_THAT(made.arguments, Contains("--in-memory"));
  EXPECT_THAT(made.arguments, Not(Contains("--no-huge")));
}

TEST(PlanEal, GoesWithoutHugepagesWhenOneIsMissing) {
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 513;
  const EalPlan made = plan(settings);
  EXPECT_FALSE(made.hugepages);
  EXPECT_THAT(made.arguments, Contains("--no-huge"));
}

/// As in a container: free on the machine, and kept from this process by its cgroup.
Machine with_denied(uint64_t denied) {
  Machine machine = kFourCpus;
  machine.hugepages = {{.page_kilobytes = 2048, .pages = 600, .denied = denied}};
  return machine;
}

TEST(PlanEal, GoesWithoutHugepagesThatItMayNotHaveAndSaysSo) {
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 512;
  EXPECT_TRUE(plan(settings, with_denied(344)).hugepages);
  const EalPlan made = plan(settings, with_denied(345));
  EXPECT_FALSE(made.hugepages);
  EXPECT_THAT(made.notes,
              ElementsAre("hugepages: 600 of 2048 kB free, 512 MB needed (256 of 2048 kB), and "
                          "this process gets 510 MB of them; see the limit of its cgroup "
                          "(hugetlb.*.max, hugetlb.*.limit_in_bytes); going without"));
}

TEST(PlanEal, FailsWhenHugepagesAreRequiredThatItMayNotHave) {
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 512;
  settings.hugepages = Hugepages::Require;
  EXPECT_THAT(refusal(settings, with_denied(600)), HasSubstr("this process gets 0 MB of them"));
}

TEST(PlanEal, GoesWithoutHugepagesInALimitedAddressSpace) {
  EalSettings settings = settings_for({1});
  Machine machine = with_denied(0);
  machine.address_space_is_limited = true;
  const EalPlan made = plan(settings, machine);
  EXPECT_FALSE(made.hugepages);
  EXPECT_THAT(made.notes, ElementsAre(HasSubstr("(ulimit -v); going without")));
}

TEST(PlanEal, SaysNothingOfHugepagesThatNobodyMade) {
  EXPECT_THAT(plan(settings_for({1}), {.cpus = {0, 1}}).notes, testing::IsEmpty());
}

/// A machine without hugepages whose memory cgroup leaves so much.
Machine with_memory(uint64_t megabytes) {
  Machine machine{.cpus = {0, 1}};
  machine.left = base::MemoryLeft{megabytes << 20, "its memory cgroup (/c/memory.max)"};
  machine.other_megabytes = 100;
  return machine;
}

TEST(PlanEal, TakesWhatALimitLeavesAndSaysSo) {
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 512;
  EXPECT_EQ(plan(settings, with_memory(612)).memory_megabytes, 512u);
  EXPECT_THAT(plan(settings, with_memory(612)).notes, testing::IsEmpty());
  const EalPlan made = plan(settings, with_memory(400));
  EXPECT_EQ(made.memory_megabytes, 300u);
  EXPECT_THAT(made.arguments, Contains("300"));
  EXPECT_THAT(made.notes,
              ElementsAre("dataplane.memory: 512 MB wanted for packet buffers and about 100 MB for "
                          "all else, and its memory cgroup (/c/memory.max) leaves 400 MB; taking "
                          "300 MB"));
}

TEST(PlanEal, FailsWhenALimitLeavesTooLittle) {
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 512;
  EXPECT_EQ(plan(settings, with_memory(100 + ports::kLeastMegabytes)).memory_megabytes,
            ports::kLeastMegabytes);
  EXPECT_EQ(refusal(settings, with_memory(99 + ports::kLeastMegabytes)),
            "dataplane.memory: 512 MB wanted for packet buffers and about 100 MB for all else, and "
            "its memory cgroup (/c/memory.max) leaves 131 MB");
}

TEST(PlanEal, CountsPacketBuffersInHugepagesAsNoMemoryOfItsOwn) {
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 512;
  Machine machine = with_memory(100);
  machine.hugepages = kFourCpus.hugepages;
  EXPECT_EQ(plan(settings, machine).memory_megabytes, 512u);
  machine.left->octets -= 1 << 20;
  EXPECT_THAT(refusal(settings, machine), HasSubstr("which are in hugepages"));
}

TEST(PlanEal, CountsHugepagesOfEverySize) {
  Machine machine = kFourCpus;
  machine.hugepages.push_back({.page_kilobytes = 1048576, .pages = 1});
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 1536;
  EXPECT_TRUE(plan(settings, machine).hugepages);
}

TEST(PlanEal, LeavesHugepagesAloneWhenOff) {
  EalSettings settings = settings_for({1});
  settings.hugepages = Hugepages::Off;
  EXPECT_FALSE(plan(settings).hugepages);
}

TEST(PlanEal, SaysHowManyHugepagesAreMissing) {
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 1024;
  settings.hugepages = Hugepages::Require;
  EXPECT_EQ(refusal(settings),
            "hugepages: 256 of 2048 kB free, 1024 MB needed (512 of 2048 kB); make them with: "
            "sysctl vm.nr_hugepages=512");
}

TEST(PlanEal, UsesVirtualAddressesAndNoPciWithoutPciPorts) {
  EalSettings settings = settings_for({1});
  settings.ports = {port(DeviceKind::AfXdp, "eth0")};
  const EalPlan made = plan(settings);
  EXPECT_THAT(made.arguments, Contains("--no-pci"));
  EXPECT_THAT(made.arguments, Contains("--iova-mode=va"));
}

TEST(PlanEal, AllowsTheConfiguredPciDevicesAndLeavesTheAddressModeToEal) {
  EalSettings settings = settings_for({1});
  settings.ports = {port(DeviceKind::Pci, "0000:03:00.0"), port(DeviceKind::Pci, "0000:03:00.1")};
  const EalPlan made = plan(settings);
  EXPECT_THAT(made.arguments, Contains("--allow=0000:03:00.0"));
  EXPECT_THAT(made.arguments, Contains("--allow=0000:03:00.1"));
  EXPECT_THAT(made.arguments, Not(Contains("--no-pci")));
  EXPECT_THAT(made.arguments, Not(Contains(StartsWith("--iova-mode"))));
}

TEST(PlanEal, RefusesACpuThatTheProcessMayNotRunOn) {
  EXPECT_EQ(refusal(settings_for({4})),
            "dataplane.cores: CPU 4 is not one that this process may run on (0,1,2,3)");
}

TEST(PlanEal, RefusesACpuGivenTwice) {
  EXPECT_EQ(refusal(settings_for({1, 1})), "dataplane.cores: CPU 1 is given twice");
}

TEST(PlanEal, RefusesToPollNowhere) {
  EXPECT_EQ(refusal(settings_for({})), "dataplane.cores: none given, one CPU at least has to poll");
}

TEST(PlanEal, RefusesNoMemory) {
  EalSettings settings = settings_for({1});
  settings.memory_megabytes = 0;
  EXPECT_THAT(refusal(settings), HasSubstr("dataplane.memory: 0"));
}

TEST(PlanEal, RefusesOnePortTooMany) {
  EalSettings settings = settings_for({1});
  settings.ports.assign(poll::kMaxPorts, port(DeviceKind::AfXdp, "eth0"));
  EXPECT_EQ(refusal(settings), "accepted");
  settings.ports.push_back(port(DeviceKind::AfXdp, "eth0"));
  EXPECT_EQ(refusal(settings), "dataplane.ports: 17 given, at most 16 can be opened");
}

TEST(PlanEal, RefusesOneCoreTooMany) {
  Machine machine;
  EalSettings settings;
  for (unsigned cpu = 0; cpu < ports::kMaxCores; ++cpu) {
    machine.cpus.push_back(cpu);
    settings.cores.push_back(cpu);
  }
  EXPECT_EQ(refusal(settings, machine), "accepted");
  machine.cpus.push_back(ports::kMaxCores);
  settings.cores.push_back(ports::kMaxCores);
  EXPECT_EQ(refusal(settings, machine), "dataplane.cores: 65 given, at most 64 can poll");
}

TEST(SurveyMachine, FindsTheCpuItRunsOn) { EXPECT_FALSE(ports::survey_machine({}).cpus.empty()); }

TEST(DeviceName, IsWhatStandsBeforeTheFirstCommaOfDevargs) {
  EXPECT_EQ(ports::device_name(port(DeviceKind::Vdev, "net_pcap0,rx_pcap=a,tx_pcap=b"), 3),
            "net_pcap0");
  EXPECT_EQ(ports::device_name(port(DeviceKind::Vdev, "net_ring0"), 3), "net_ring0");
}

TEST(DeviceName, CountsTheKernelsInterfaces) {
  EXPECT_EQ(ports::device_name(port(DeviceKind::AfXdp, "eth0"), 3), "net_af_xdp3");
  EXPECT_EQ(ports::device_name(port(DeviceKind::AfPacket, "eth0"), 3), "net_af_packet3");
  EXPECT_EQ(ports::device_name(port(DeviceKind::Pci, "0000:03:00.0"), 3), "0000:03:00.0");
}

}  // namespace
