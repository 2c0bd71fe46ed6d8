// CRC-32C, with the processor's instruction where there is one.
#include <array>

#include "call.h"
#include "calls.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace cfs {

namespace {

constexpr uint32_t polynomial = 0x82f63b78;

using Table = std::array<std::array<uint32_t, 256>, 8>;

// tables[k][b]: what byte b does to the checksum when k bytes follow it.
constexpr Table makeTables() {
  Table tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ polynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 255];
    }
  }
  return tables;
}
constexpr Table tables = makeTables();

[[maybe_unused]] uint32_t inSoftware(uint32_t crc, const uint8_t* at, size_t length) {
  for (; length >= 8; at += 8, length -= 8) {
    uint32_t low;
    memcpy(&low, at, 4);
    crc ^= low;
    crc = tables[7][crc & 255] ^ tables[6][(crc >> 8) & 255] ^ tables[5][(crc >> 16) & 255] ^ tables[4][crc >> 24] ^
          tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
  }
  for (; length > 0; ++at, --length) crc = tables[0][(crc ^ *at) & 255] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)

// The instruction takes three cycles and one may start in each, so three parts are computed side by side and then put
// together: a checksum before `bytes` zeros is moved by a linear map, kept as a table per byte of the checksum.
class Shift {
 public:
  explicit Shift(size_t bytes) {
    for (uint32_t bit = 0; bit < 32; ++bit) {
      uint32_t crc = 1u << bit;
      for (size_t count = 0; count < bytes; ++count) crc = tables[0][crc & 255] ^ (crc >> 8);
      for (uint32_t value = 0; value < 256; ++value) {
        if (value >> (bit % 8) & 1) moved_[bit / 8][value] ^= crc;
      }
    }
  }

  uint32_t operator()(uint32_t crc) const {
    return moved_[0][crc & 255] ^ moved_[1][(crc >> 8) & 255] ^ moved_[2][(crc >> 16) & 255] ^ moved_[3][crc >> 24];
  }

 private:
  uint32_t moved_[4][256] = {};
};

inline uint64_t load(const uint8_t* at) {
  uint64_t word;
  memcpy(&word, at, 8);
  return word;
}

template <size_t partBytes>
__attribute__((target("sse4.2"))) uint32_t inThreeParts(uint32_t start, const uint8_t*& at, size_t& length) {
  static const Shift shift(partBytes);
  uint64_t crc = start;
  while (length >= 3 * partBytes) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (const uint8_t* end = at + partBytes; at < end; at += 8) {
      crc = _mm_crc32_u64(crc, load(at));
      second = _mm_crc32_u64(second, load(at + partBytes));
      third = _mm_crc32_u64(third, load(at + 2 * partBytes));
    }
    crc = shift(shift(static_cast<uint32_t>(crc)) ^ static_cast<uint32_t>(second)) ^ static_cast<uint32_t>(third);
    at += 2 * partBytes;
    length -= 3 * partBytes;
  }
  return static_cast<uint32_t>(crc);
}

__attribute__((target("sse4.2"))) uint32_t inHardware(uint32_t crc, const uint8_t* at, size_t length) {
  crc = inThreeParts<4096>(crc, at, length);
  crc = inThreeParts<256>(crc, at, length);
  for (; length >= 8; at += 8, length -= 8) crc = static_cast<uint32_t>(_mm_crc32_u64(crc, load(at)));
  for (; length > 0; ++at, --length) crc = _mm_crc32_u8(crc, *at);
  return crc;
}

uint32_t update(uint32_t crc, const uint8_t* at, size_t length) {
  static const bool hasInstruction = __builtin_cpu_supports("sse4.2");
  return hasInstruction ? inHardware(crc, at, length) : inSoftware(crc, at, length);
}

#elif defined(__ARM_FEATURE_CRC32)

uint32_t update(uint32_t crc, const uint8_t* at, size_t length) {
  for (; length >= 8; at += 8, length -= 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    crc = __crc32cd(crc, word);
  }
  for (; length > 0; ++at, --length) crc = __crc32cb(crc, *at);
  return crc;
}

#else

uint32_t update(uint32_t crc, const uint8_t* at, size_t length) { return inSoftware(crc, at, length); }

#endif

}  // namespace

int64_t crc32c(Bytes bytes, uint32_t start, uint32_t end, uint32_t before) {
  if (end > bytes.length || start > end) return -EINVAL;
  return static_cast<int64_t>(~update(~before, bytes.data + start, end - start));
}

}  // namespace cfs
