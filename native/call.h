// How a C++ function becomes a JavaScript function.
//
// The files beside this one hold plain functions whose parameters mirror index.d.cts. `sync<f>` and `async<f>` derive
// the conversion of the arguments from f's signature at compile time, so that a call costs one napi_get_cb_info and
// one napi_get_value_* for each argument, and nothing is written twice.
//
// An argument of the wrong type is a mistake of ours, not of the world: it throws a TypeError.
#pragma once

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <tuple>
#include <utility>

#include <node_api.h>

#include "environment.h"

namespace cfs {

// ---- arguments ----------------------------------------------------------------------------------------------------

// A typed array of at least `least` elements, in place.
template <typename Element, size_t least = 0>
struct Elements {
  Element* data;
  size_t length;
};
using Bytes = Elements<uint8_t>;

// A path for a synchronous call, on the stack. It has room for more than PATH_MAX, so that the kernel itself answers
// ENAMETOOLONG to one that was cut. The constructor keeps std::tuple from zeroing 4 KiB.
struct Path {
  Path() {}
  char text[PATH_MAX + 8];
};

struct Function {
  napi_value value;
};
// `value` is null when the argument is missing or undefined.
struct OptionalFunction {
  napi_value value;
};

inline bool take(napi_env env, napi_value value, int32_t& out) {
  return napi_get_value_int32(env, value, &out) == napi_ok;
}
inline bool take(napi_env env, napi_value value, uint32_t& out) {
  return napi_get_value_uint32(env, value, &out) == napi_ok;
}
inline bool take(napi_env env, napi_value value, int64_t& out) {
  return napi_get_value_int64(env, value, &out) == napi_ok;
}
inline bool take(napi_env env, napi_value value, bool& out) { return napi_get_value_bool(env, value, &out) == napi_ok; }

inline bool take(napi_env env, napi_value value, Path& out) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, out.text, sizeof out.text, &length) != napi_ok) return false;
  // A NUL inside would name another file than the caller meant.
  return strlen(out.text) == length;
}

inline bool take(napi_env env, napi_value value, std::string& out) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &length) != napi_ok) return false;
  out.resize(length);
  napi_get_value_string_utf8(env, value, out.data(), length + 1, &length);
  return strlen(out.c_str()) == length;
}

inline bool take(napi_env env, napi_value value, Function& out) {
  napi_valuetype type;
  out.value = value;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_function;
}

inline bool take(napi_env env, napi_value value, OptionalFunction& out) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok) return false;
  out.value = type == napi_function ? value : nullptr;
  return type == napi_function || type == napi_undefined;
}

template <typename Element>
inline constexpr napi_typedarray_type arrayType = napi_uint8_array;
template <>
inline constexpr napi_typedarray_type arrayType<int32_t> = napi_int32_array;
template <>
inline constexpr napi_typedarray_type arrayType<uint32_t> = napi_uint32_array;
template <>
inline constexpr napi_typedarray_type arrayType<double> = napi_float64_array;

template <typename Element, size_t least>
bool take(napi_env env, napi_value value, Elements<Element, least>& out) {
  napi_typedarray_type type;
  void* data;
  if (napi_get_typedarray_info(env, value, &type, &out.length, &data, nullptr, nullptr) != napi_ok) return false;
  out.data = static_cast<Element*>(data);
  return type == arrayType<Element> && out.length >= least;
}

// The arguments of one call: as JavaScript values and converted.
template <typename... Types>
struct Arguments {
  static constexpr size_t count = sizeof...(Types);
  napi_value raw[count + 1];  // One more, because an array cannot be empty.
  std::tuple<Types...> values;

  // False with an exception pending when one has the wrong type.
  bool read(napi_env env, napi_callback_info info, napi_value* self = nullptr) {
    size_t given = count;
    napi_get_cb_info(env, info, &given, raw, self, nullptr);
    return convert(env, std::make_index_sequence<count>{});
  }

 private:
  template <size_t... index>
  bool convert(napi_env env, std::index_sequence<index...>) {
    size_t converted = 0;
    const bool all = ((take(env, raw[index], std::get<index>(values)) && ++converted) && ...);
    if (!all) throwWrongArgument(env, converted + 1);
    return all;
  }
};

// ---- results ------------------------------------------------------------------------------------------------------

// Turns a system call's result into the addon's convention: ≥ 0, or -errno.
inline int64_t outcome(int64_t result) { return result < 0 ? -errno : result; }

// The same, repeating a call that a signal interrupted before it did anything.
template <typename Call>
int64_t retried(Call call) {
  int64_t result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return outcome(result);
}

inline napi_value toJs(napi_env, napi_value value) { return value; }
inline napi_value toJs(napi_env env, int32_t value) {
  napi_value number;
  napi_create_int32(env, value, &number);
  return number;
}
inline napi_value toJs(napi_env env, int64_t value) {
  napi_value number;
  napi_create_int64(env, value, &number);
  return number;
}
inline napi_value toJs(napi_env env, bool value) {
  napi_value boolean;
  napi_get_boolean(env, value, &boolean);
  return boolean;
}

// ---- synchronous calls --------------------------------------------------------------------------------------------

template <typename Result, typename... Types>
napi_value callNow(Result (*function)(Types...), napi_env env, napi_callback_info info) {
  Arguments<std::decay_t<Types>...> arguments;
  if (!arguments.read(env, info)) return nullptr;
  return toJs(env, std::apply(function, arguments.values));
}

// Those that make JavaScript objects or throw get the environment first.
template <typename Result, typename... Types>
napi_value callNow(Result (*function)(napi_env, Types...), napi_env env, napi_callback_info info) {
  Arguments<std::decay_t<Types>...> arguments;
  if (!arguments.read(env, info)) return nullptr;
  return toJs(env, std::apply([&](auto&... each) { return function(env, each...); }, arguments.values));
}

template <auto function>
napi_value sync(napi_env env, napi_callback_info info) {
  return callNow(function, env, info);
}

template <typename Result, typename Class, typename... Types>
napi_value callMethod(Result (Class::*method)(napi_env, Types...), napi_env env, napi_callback_info info) {
  Arguments<std::decay_t<Types>...> arguments;
  napi_value self;
  void* object;
  if (!arguments.read(env, info, &self)) return nullptr;
  if (napi_unwrap(env, self, &object) != napi_ok) {
    napi_throw_type_error(env, nullptr, "the method was called without its object");
    return nullptr;
  }
  const auto invoke = [&](auto&... each) { return (static_cast<Class*>(object)->*method)(env, each...); };
  if constexpr (std::is_void_v<Result>) {
    std::apply(invoke, arguments.values);
    return nullptr;
  } else {
    return toJs(env, std::apply(invoke, arguments.values));
  }
}

// A method of the C++ object that `this` wraps.
template <auto function>
napi_value method(napi_env env, napi_callback_info info) {
  return callMethod(function, env, info);
}

// ---- calls on the thread pool -------------------------------------------------------------------------------------

// Runs on a thread of the pool: consumes the arguments that `enqueue` has put into the call's storage.
template <auto function, typename Values, size_t... index>
int64_t runStored(void* storage, std::index_sequence<index...>) {
  Values& values = *static_cast<Values*>(storage);
  const int64_t result = function(std::get<index>(values)...);
  values.~Values();
  return result;
}

template <auto function, typename... Types>
napi_value enqueue(int64_t (*)(Types...), napi_env env, napi_callback_info info) {
  using All = Arguments<std::decay_t<Types>..., Function>;
  using Values = decltype(All::values);
  static_assert(sizeof(Values) <= sizeof(PoolCall::storage), "the arguments fit into a pooled call");
  constexpr size_t doneIndex = sizeof...(Types);

  All arguments;
  if (!arguments.read(env, info)) return nullptr;

  // At most one of the arguments is a buffer; it is pinned until the call has ended.
  napi_value buffer = nullptr;
  size_t position = 0;
  ((std::is_same_v<std::decay_t<Types>, Bytes> ? void(buffer = arguments.raw[position++]) : void(position++)), ...);

  PoolCall* call = Environment::of(env).prepare(arguments.raw[doneIndex], buffer);
  new (call->storage) Values(std::move(arguments.values));
  call->run = [](void* storage) {
    return runStored<function, Values>(storage, std::make_index_sequence<doneIndex>{});
  };
  call->start();
  return nullptr;
}

// The same function, with `done` as a last parameter.
template <auto function>
napi_value async(napi_env env, napi_callback_info info) {
  return enqueue<function>(function, env, info);
}

}  // namespace cfs
