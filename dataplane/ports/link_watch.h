// The kernel's word that an interface has come, gone or changed (rtnetlink), as a bell to be rung
// by. The thread that is rung asks what is so now; only what would be over by then is taken from
// the message itself: an interface that was gone, or down, if only for a moment, has left sockets
// behind that are dead.
#pragma once

#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace ports {

/// What was told since the last time. Interfaces by their index.
struct LinkNews {
  bool any = false;
  bool lost = false;           // The kernel had more to tell than there was room for.
  std::vector<unsigned> gone;  // Deleted, or moved to another network namespace.
  std::vector<unsigned> down;
};

/// Adds what `messages`, one datagram of rtnetlink, says.
void read_news(base::ByteView messages, LinkNews& news);

class LinkWatch {
 public:
  LinkWatch() = default;
  /// Of this thread's network namespace. Takes no rights; with CAP_NET_ADMIN it has more room.
  static base::Result<LinkWatch, std::string> open();

  /// Can be read from when there is news.
  [[nodiscard]] int descriptor() const { return socket_.get(); }
  /// Never waits; of more than a thousand datagrams, the rest stays for the next time.
  [[nodiscard]] LinkNews take();

 private:
  base::Descriptor socket_;
};

}  // namespace ports
