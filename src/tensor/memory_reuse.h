// Large buffers that take the memory of those just freed.
#pragma once
#include <array>
#include <cstddef>

namespace ow {

// While one exists, what allocate_buffer gives out on this thread comes, where the sizes fit, from large
// buffers that were freed on it: their pages are there already, and to get them is a good part of the time to
// fill new ones. Scopes nest; each ends with its memory given back.
class MemoryReuse {
 public:
  MemoryReuse();
  ~MemoryReuse();
  MemoryReuse(const MemoryReuse&) = delete;
  MemoryReuse& operator=(const MemoryReuse&) = delete;

  // Of the innermost scope of this thread. take: memory of `bytes` or up to a third more, which becomes the
  // new `bytes`; null if there is none. keep: false if it does not want the memory.
  static std::byte* take(size_t& bytes);
  static bool keep(std::byte* memory, size_t bytes) noexcept;

 private:
  struct Block {
    std::byte* memory = nullptr;
    size_t bytes = 0;
  };
  std::array<Block, 2> blocks_;  // more would be waited for in vain, and count
  MemoryReuse* const outer_;
};

}  // namespace ow
