// The actor is the application in the conformance tests: it makes the system calls that it is told to make, one at a
// time, and says what the kernel answered. It decides nothing.
//
// A request is one line: a name and its arguments, separated by tabs; integers are decimal, byte strings hexadecimal.
// The answer is one line: "ok", the returned number and further values; or "error" and the errno.

#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

class Arguments {
 public:
  explicit Arguments(std::vector<std::string> fields) : fields_(std::move(fields)) {}

  // Arguments are taken by position because C++ does not order the evaluation of a call's arguments.
  int64_t number(size_t index) const { return strtoll(fields_.at(index + 1).c_str(), nullptr, 10); }

  // The decoded bytes live as long as the arguments do.
  const std::string& bytes(size_t index) {
    const std::string& hex = fields_.at(index + 1);
    std::string out(hex.size() / 2, '\0');
    for (size_t i = 0; i < out.size(); i++) out[i] = static_cast<char>(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return decoded_.emplace_back(std::move(out));
  }

  const char* path(size_t index) { return bytes(index).c_str(); }
  size_t count() const { return fields_.size() - 1; }
  const std::string& name() const { return fields_.at(0); }

  void dropName() { fields_.erase(fields_.begin()); }

 private:
  static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

  std::vector<std::string> fields_;
  std::deque<std::string> decoded_;
};

class Reply {
 public:
  Reply& number(int64_t value) {
    text += '\t';
    text += std::to_string(value);
    return *this;
  }

  Reply& bytes(const void* data, size_t size) {
    static const char digits[] = "0123456789abcdef";
    const auto* from = static_cast<const unsigned char*>(data);
    text += '\t';
    for (size_t i = 0; i < size; i++) {
      text += digits[from[i] >> 4];
      text += digits[from[i] & 15];
    }
    return *this;
  }

  std::string text;
};

// Returns what the system call returned: -1 means failure, with errno set.
using Operation = int64_t (*)(Arguments&, Reply&);

struct Row {
  const char* name;
  Operation run;
};

// Each file of operations ends in one table of rows, closed by a row without a name.
extern const Row nameOperations[];
extern const Row ioOperations[];
extern const Row mappingOperations[];
extern const Row attributeOperations[];
extern const Row processOperations[];

// Finds and runs one operation and returns the line that answers it.
std::string answer(Arguments& arguments);
