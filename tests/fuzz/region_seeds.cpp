// SPDX-License-Identifier: BSL-1.0
//
// region_seeds: writes what real publishers leave, of several kinds, into a folder, for region_fuzz to
// begin with.
//
//     region_seeds FOLDER
#include "fuzz_input.hpp"

#include <seqcast/seqcast.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

namespace {

void write_seed(const std::string& path, const std::string& region, fuzz::Control control) {
  std::ofstream out{path, std::ios::binary};
  out.write(static_cast<const char*>(static_cast<const void*>(&control)), sizeof control);
  out.write(region.data(), static_cast<std::streamsize>(region.size()));
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  std::filesystem::create_directories(folder);
  constexpr std::array wakeups{seqcast::Wakeup::bell, seqcast::Wakeup::every_message, seqcast::Wakeup::polling};
  std::mt19937 random{1};
  int count = 0;
  for (const std::uint64_t capacity : {2U, 4U, 16U}) {
    for (const std::uint32_t size : {1U, 24U, 200U}) {
      for (const std::uint64_t messages : {0U, 1U, 3U, 40U}) {
        const std::string path = folder + "/channel";
        {
          seqcast::BytePublisher publisher{seqcast::file(path),
                                           {.capacity = capacity,
                                            .max_message_size = size,
                                            .schema = size == 24 ? "a{x:f64,y:{z:u8[3]}[5],u:char}" : "",
                                            .timestamps = count % 2 == 0,
                                            .gaps = count % 3 != 0,
                                            .wakeup = wakeups[static_cast<std::size_t>(count) % 3]}};
          for (std::uint64_t i = 0; i < messages; ++i)
            publisher.publish(
                std::vector<std::byte>(size == 24 ? size : size - i % size)); // a schema fixes the size
          if (publisher.gaps() && messages > 0) publisher.skip(messages == 3 ? capacity + 1 : messages % 3);
        }
        std::ifstream in{path, std::ios::binary};
        const std::string region{std::istreambuf_iterator<char>{in}, {}};
        fuzz::Control control{};
        control.flags = static_cast<std::uint8_t>(count * 7 % 128);
        for (auto& call : control.calls) call = static_cast<std::uint8_t>(random());
        write_seed(folder + "/" + std::to_string(count++), region, control);
        seqcast::remove_channel(seqcast::file(path));
      }
    }
  }
}
