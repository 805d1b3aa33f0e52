#include "control/devices/drop_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace control {
namespace {

using rules::Drop;

/// One lost frame may have any cause.
constexpr uint64_t kFewest = 2;

/// What it means and what to do when it happens to most; empty: it is a matter of course.
const char* advice_on(Drop reason) {
  switch (reason) {
    case Drop::UdpChecksum:
      return "the sender leaves UDP checksums to a NIC that is not there, as veth and virtual "
             "machines "
             "on this host do; expected at the sender: ethtool -K IFACE tx off, or "
             "verify_checksum: false here";
    case Drop::IpChecksum:
      return "a device on the way breaks IP headers";
    case Drop::Vlan:
      return "they carry another VLAN than the port's `vlan`, or come without a tag because it was "
             "taken off; expected the right `vlan`, or: ethtool -K IFACE rxvlan off here, txvlan "
             "off at "
             "a sender on this host";
    case Drop::NotOurMac:
      return "they are for another MAC address; look who sends them: tcpdump -eni IFACE";
    case Drop::Segmented:
      return "they are larger than a buffer; expected an MTU of 1500";
    case Drop::BadSource:
      return "they come from addresses that nobody may send from: forged, or in a loop";
    case Drop::SourcePort:
      return "they come from ports that must not be replied to: somebody tries to start a loop";
    case Drop::Runt:
    case Drop::IpHeader:
    case Drop::UdpLength:
    case Drop::ShortQuery:
      return "they are malformed: a scanner, or a broken sender";
    case Drop::NotAQuery:
      return "they are responses: a loop, or somebody who forges our address";
    case Drop::AclDenied:
      return "they are malformed and come from outside of `acl`";
    case Drop::ErrorRateLimited:
      return "a flood of queries that deserve an error; see the outcomes of replies";
    case Drop::RateLimited:
      return "their networks ask more than `rate_limit` allows";
    case Drop::PoolEmpty:
      return "packet buffers are used up";
    case Drop::TransmitFull:
      return "the port does not take the replies: its link is down or too slow, or it was away";
    default:
      return "";
  }
}

}  // namespace

void DropWatch::look(const Counts& counts, base::Time now) {
  if (steps_.empty()) steps_.push_back({now, {}});
  std::string why = judge(steps_.front().counts, counts);
  if (now - steps_.back().at >= kStep) steps_.push_back({now, counts});
  if (steps_.size() > kSteps) steps_.pop_front();
  const std::lock_guard lock(mutex_);
  why_ = std::move(why);
}

std::string DropWatch::why() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

std::string DropWatch::judge(const Counts& before, const Counts& now) const {
  uint64_t odd = 0;
  uint64_t most = 0;
  auto reason = Drop::Count_;
  for (size_t i = 0; i < now.dropped.size(); ++i) {
    const auto drop = Drop(i);
    if (*advice_on(drop) == '\0') continue;
    if (drop == Drop::NotOurMac && other_macs_ == OtherMacs::Usual) continue;
    const uint64_t count = now.dropped[i] - before.dropped[i];
    odd += count;
    if (count > most) reason = drop;
    most = std::max(most, count);
  }
  const uint64_t replies = now.replies - before.replies;
  if (most < kFewest || odd <= replies) return {};
  return fmt::format("{} of the last {} queries were dropped, most of them for {}: {}", odd,
                     odd + replies, rules::kDropNames[static_cast<size_t>(reason)],
                     advice_on(reason));
}

}  // namespace control
