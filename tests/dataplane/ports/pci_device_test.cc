#include "dataplane/ports/pci_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/temporary_folder.h"

namespace {

namespace fs = std::filesystem;
using ports::LockedMemory;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kAddress = "0000:03:00.0";

/// What the kernel would show, in a folder of its own.
class Machine {
 public:
  Machine() {
    root_ = tests::make_temporary_folder("pci_device_test");
    fs::create_directories(root_ / "devices");
    fs::create_directories(root_ / "vfio");
  }
  ~Machine() { fs::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Machine& has_card() {
    fs::create_directories(card());
    std::ofstream(card() / "vendor") << "0x8086\n";
    std::ofstream(card() / "device") << "0x10d3\n";
    return *this;
  }
  Machine& has_iommu() {
    fs::create_symlink("/sys/kernel/iommu_groups/7", card() / "iommu_group");
    return *this;
  }
  Machine& gave_card_to(const std::string& driver) {
    fs::create_symlink("/sys/bus/pci/drivers/" + driver, card() / "driver");
    return *this;
  }
  Machine& made_interface(const std::string& name) {
    fs::create_directories(card() / "net" / name);
    return *this;
  }
  Machine& shows_group() {
    std::ofstream(root_ / "vfio" / "7") << "";
    return *this;
  }

  [[nodiscard]] std::string says(LockedMemory memory = LockedMemory::Unlimited) const {
    const ports::PciTree shown = {.devices = (root_ / "devices").string(),
                                  .vfio = (root_ / "vfio").string()};
    return ports::why_not_driven(kAddress, memory, shown);
  }

 private:
  [[nodiscard]] fs::path card() const { return root_ / "devices" / kAddress; }

  fs::path root_;
};

TEST(WhyNotDriven, NamesACardThatIsNotThere) {
  EXPECT_THAT(Machine().says(), StartsWith("there is no such PCI device"));
}

TEST(WhyNotDriven, MissesTheIommu) {
  Machine machine;
  machine.has_card();
  EXPECT_THAT(machine.says(), HasSubstr("no IOMMU"));
  EXPECT_THAT(machine.says(), HasSubstr("intel_iommu=on"));
}

TEST(WhyNotDriven, MissesTheIommuAlsoWhileTheKernelHasTheCard) {
  Machine machine;
  machine.has_card().gave_card_to("e1000e");
  EXPECT_THAT(machine.says(), HasSubstr("no IOMMU"));
}

TEST(WhyNotDriven, TellsHowToBindACardThatNobodyHas) {
  Machine machine;
  machine.has_card().has_iommu();
  EXPECT_EQ(
      machine.says(),
      "no driver of the kernel's has it; bind it with: dpdk-devbind.py -b vfio-pci 0000:03:00.0");
}

TEST(WhyNotDriven, NamesTheKernelsDriverAndInterface) {
  Machine machine;
  machine.has_card().has_iommu().gave_card_to("e1000e").made_interface("enp3s0");
  EXPECT_EQ(
      machine.says(),
      "the kernel's driver e1000e has it (interface enp3s0); bind it with: dpdk-devbind.py -b "
      "vfio-pci 0000:03:00.0");
}

TEST(WhyNotDriven, NamesTheFileThatMayNotBeOpened) {
  Machine machine;
  machine.has_card().has_iommu().gave_card_to("vfio-pci");
  EXPECT_THAT(machine.says(), HasSubstr("vfio/7; run as root"));
}

TEST(WhyNotDriven, NamesTheLimitOfLockedMemory) {
  Machine machine;
  machine.has_card().has_iommu().gave_card_to("vfio-pci").shows_group();
  EXPECT_THAT(machine.says(LockedMemory::Limited), HasSubstr("LimitMEMLOCK=infinity"));
}

TEST(WhyNotDriven, NamesTheModelThatDpdkHasNoDriverFor) {
  Machine machine;
  machine.has_card().has_iommu().gave_card_to("vfio-pci").shows_group();
  EXPECT_THAT(machine.says(), HasSubstr("DPDK has a driver for (this is 8086:10d3)"));
}

TEST(WhyNotDriven, NeedsNoIommuForUio) {
  Machine machine;
  machine.has_card().gave_card_to("uio_pci_generic");
  EXPECT_THAT(machine.says(), StartsWith("uio_pci_generic has it"));
}

}  // namespace
