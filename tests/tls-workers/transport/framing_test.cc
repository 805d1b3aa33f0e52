#include "tls-workers/transport/framing.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/message_builder.h"

namespace tests {
namespace {

Bytes message_of(size_t size, int fill = 0x55) { return Bytes(size, std::byte(fill)); }

Bytes framed(const Bytes& message) {
  const auto size = static_cast<int>(message.size());
  return joined({bytes_of({size >> 8, size & 0xFF}), message});
}

/// Puts `stream` in, at most `piece` octets at a time, and takes out what is whole.
std::vector<Bytes> taken_from(transport::FrameReader& reader, base::ByteView stream, size_t piece) {
  std::vector<Bytes> messages;
  while (!stream.empty() && !reader.malformed()) {
    const base::ByteSpan room = reader.room();
    EXPECT_FALSE(room.empty());
    const size_t size = std::min({piece, room.size(), stream.size()});
    std::ranges::copy(stream.first(size), room.begin());
    reader.filled(size);
    stream = stream.subspan(size);
    while (const auto message = reader.next()) messages.push_back(bytes_of(*message));
  }
  return messages;
}

TEST(FrameReader, TakesMessagesHoweverTheStreamIsCut) {
  const std::vector<Bytes> sent = {message_of(12, 1),   message_of(128, 2), message_of(4094, 3),
                                   message_of(4095, 4), message_of(13, 5),  message_of(65535, 6),
                                   message_of(12, 7)};
  Bytes stream;
  for (const Bytes& message : sent) stream = joined({stream, framed(message)});
  for (const size_t piece : {1, 2, 3, 13, 14, 127, 4095, 4096, 4097, 16384, 1'000'000}) {
    transport::FrameReader reader;
    EXPECT_EQ(taken_from(reader, stream, piece), sent) << piece;
    EXPECT_FALSE(reader.malformed());
  }
}

TEST(FrameReader, RefusesWhatIsShorterThanAHeader) {
  for (size_t size = 0; size < dns::kHeaderSize; ++size) {
    transport::FrameReader reader;
    EXPECT_TRUE(taken_from(reader, framed(message_of(size)), 100).empty());
    EXPECT_TRUE(reader.malformed()) << size;
    EXPECT_FALSE(reader.next());
  }
}

TEST(FrameReader, HandsOutWhatCameBeforeTheBadPrefix) {
  transport::FrameReader reader;
  const Bytes stream =
      joined({framed(message_of(20)), framed(message_of(3)), framed(message_of(20))});
  EXPECT_EQ(taken_from(reader, stream, 1000).size(), 1u);
  EXPECT_TRUE(reader.malformed());
}

TEST(FrameReader, NeverHoldsMoreThanTheLongestMessage) {
  transport::FrameReader reader;
  const Bytes stream = framed(message_of(65535));
  size_t most = 0;
  for (size_t at = 0; at + 1 < stream.size();) {
    const base::ByteSpan room = reader.room();
    most = std::max(most, at + room.size());
    const size_t size = std::min({room.size(), stream.size() - 1 - at, size_t{1000}});
    std::copy_n(&stream[at], size, room.begin());
    reader.filled(size);
    at += size;
    EXPECT_FALSE(reader.next());
  }
  EXPECT_LE(most, transport::FrameReader::kLargest);
}

TEST(FrameReader, TakesNoMemoryForWhatIsOnlyAnnounced) {
  transport::FrameReader reader;
  const Bytes start = bytes_of({0xFF, 0xFF, 0, 0});
  EXPECT_TRUE(taken_from(reader, start, 100).empty());
  EXPECT_TRUE(reader.is_amid_message());
  EXPECT_EQ(reader.room().size(), transport::FrameReader::kSmallest - start.size());
}

TEST(FrameReader, IsAmidAMessageFromItsFirstOctetToItsLast) {
  transport::FrameReader reader;
  const Bytes stream = framed(message_of(12));
  for (size_t i = 0; i < stream.size(); ++i) {
    EXPECT_EQ(reader.is_amid_message(), i > 0) << i;
    const std::vector<Bytes> taken = taken_from(reader, base::ByteView(stream).subspan(i, 1), 1);
    EXPECT_EQ(taken.size(), i + 1 == stream.size() ? 1u : 0u) << i;
  }
  EXPECT_FALSE(reader.is_amid_message());
}

TEST(FrameReader, StartsAfreshWhenCleared) {
  transport::FrameReader reader;
  EXPECT_TRUE(taken_from(reader, framed(message_of(3)), 100).empty());
  reader.clear();
  EXPECT_FALSE(reader.malformed());
  EXPECT_EQ(taken_from(reader, framed(message_of(30)), 100).size(), 1u);
}

TEST(FrameWriter, PutsALengthBeforeEachMessage) {
  transport::FrameWriter writer;
  for (const int size : {12, 300}) {
    writer.append(384, [&](base::ByteSpan into) {
      EXPECT_EQ(into.size(), 384u);
      std::ranges::fill(into.first(static_cast<size_t>(size)), std::byte(size & 0xFF));
      return static_cast<size_t>(size);
    });
  }
  EXPECT_EQ(bytes_of(writer.unsent()),
            joined({framed(message_of(12, 12)), framed(message_of(300, 300 & 0xFF))}));
}

TEST(FrameWriter, CopiesMessagesOfEveryLength) {
  transport::FrameWriter writer;
  writer.append(message_of(12, 1));
  writer.append(message_of(65535, 2));
  EXPECT_EQ(bytes_of(writer.unsent()),
            joined({framed(message_of(12, 1)), framed(message_of(65535, 2))}));
}

TEST(FrameWriter, ForgetsWhatWasSent) {
  transport::FrameWriter writer;
  const auto twelve = [](base::ByteSpan into) {
    std::ranges::fill(into, std::byte{9});
    return size_t{12};
  };
  writer.append(20, twelve);
  writer.sent(5);
  EXPECT_EQ(writer.unsent().size(), 9u);
  writer.append(20, twelve);
  EXPECT_EQ(writer.unsent().size(), 23u);
  writer.sent(23);
  EXPECT_TRUE(writer.unsent().empty());
}

TEST(FrameWriter, KeepsLittleOfWhatASlowPeerHasRead) {
  transport::FrameWriter writer;
  Bytes in;
  Bytes out;
  for (int i = 0; i < 10'000; ++i) {
    const Bytes message = message_of(100, i & 0xFF);
    writer.append(384, [&](base::ByteSpan into) {
      std::ranges::copy(message, into.begin());
      return message.size();
    });
    const Bytes frame = framed(message);
    in.insert(in.end(), frame.begin(), frame.end());
    // Never all of it, once there is more than a little.
    const size_t size = std::min<size_t>(writer.unsent().size(), i < 10 ? 0 : 102);
    const Bytes taken = bytes_of(writer.unsent().first(size));
    out.insert(out.end(), taken.begin(), taken.end());
    writer.sent(size);
    ASSERT_LE(writer.held(), 4 * size_t{1024});
  }
  EXPECT_EQ(joined({out, bytes_of(writer.unsent())}), in);
}

}  // namespace
}  // namespace tests
