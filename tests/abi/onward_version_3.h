/* onward.h: the C interface of the onward library. C++ users start at onward.hpp, which wraps it; docs/api.md
 * is a guide to both.
 *
 * One exported function returns a table of functions. The table only grows at its end: a program built
 * against an older header works with a newer library, and `size` tells a newer program what an older library
 * lacks.
 *
 *   const onward_api* ow = onward_get_api(ONWARD_ABI_VERSION);
 *   onward_model* model = NULL;
 *   onward_status* status = ow->model_load("resnet50.onnx", NULL, &model);
 *   if (status) { fprintf(stderr, "%s\n", ow->status_message(status)); ow->status_free(status); }
 *
 * Rules that hold everywhere:
 *  - A null onward_status* is success. Any other must be freed with status_free.
 *  - `..._free(NULL)` is legal. Objects may be freed in any order: a session keeps its model alive.
 *  - Models and sessions may be used by several threads at once. A value may be read by several threads.
 *  - Strings are UTF-8. Borrowed pointers live as long as the object that they came from.
 *  - Structs that the caller fills begin with `size = sizeof(the struct)`; zero in any other field means
 *    default. A size of 0 is refused (INVALID_ARGUMENT), and so is a field that this library is too old to
 *    know (UNSUPPORTED).
 *  - A null pointer where an object is needed is INVALID_ARGUMENT, or 0 or NULL from a function that returns
 *    no status; nothing is written to the results of a call that failed.
 */
#ifndef ONWARD_ONWARD_H_
#define ONWARD_ONWARD_H_
#include <stddef.h>
#include <stdint.h>

/* The version of the table that this header describes. It rises when the table or a struct grows; every
 * function and field says from which version it is, by where it stands. */
#define ONWARD_ABI_VERSION 3

#if defined(_WIN32)
#define ONWARD_EXPORT __declspec(dllexport)
#else
#define ONWARD_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum onward_code {
  ONWARD_OK = 0,
  ONWARD_INVALID_MODEL = 1,    /* the file breaks the ONNX format or its rules */
  ONWARD_INVALID_ARGUMENT = 2, /* an input, option or shape of the caller's is wrong */
  ONWARD_UNSUPPORTED = 3,      /* valid, but this build cannot do it */
  ONWARD_OUT_OF_MEMORY = 4,
  ONWARD_LIMIT_EXCEEDED = 5, /* a limit on memory, work or depth would be exceeded */
  ONWARD_DEADLINE_EXCEEDED = 6,
  ONWARD_CANCELLED = 7,
  ONWARD_IO = 8,
  ONWARD_INTERNAL = 9
} onward_code;

/* Since version 3. Which of the failures of its code a status is, for programs that tell these apart; the
 * text of a message may change. */
typedef enum onward_detail {
  ONWARD_DETAIL_NONE = 0,
  ONWARD_DETAIL_NO_SUCH_FILE = 1, /* IO: the model's file is not there */
  ONWARD_DETAIL_NOT_ONNX = 2, /* INVALID_MODEL: the bytes are no ONNX message, not one that breaks a rule */
  ONWARD_DETAIL_NO_GRAPH = 3  /* INVALID_MODEL: nothing in the file is a graph, as in an empty one */
} onward_detail;

/* Element types, with the codes of ONNX's TensorProto.DataType. 2- and 4-bit types are packed, first element
 * in the low bits. */
typedef enum onward_dtype {
  ONWARD_UNDEFINED = 0,
  ONWARD_FLOAT32 = 1,
  ONWARD_UINT8 = 2,
  ONWARD_INT8 = 3,
  ONWARD_UINT16 = 4,
  ONWARD_INT16 = 5,
  ONWARD_INT32 = 6,
  ONWARD_INT64 = 7,
  ONWARD_STRING = 8,
  ONWARD_BOOL = 9,
  ONWARD_FLOAT16 = 10,
  ONWARD_FLOAT64 = 11,
  ONWARD_UINT32 = 12,
  ONWARD_UINT64 = 13,
  ONWARD_COMPLEX64 = 14,
  ONWARD_COMPLEX128 = 15,
  ONWARD_BFLOAT16 = 16,
  ONWARD_FLOAT8E4M3FN = 17,
  ONWARD_FLOAT8E4M3FNUZ = 18,
  ONWARD_FLOAT8E5M2 = 19,
  ONWARD_FLOAT8E5M2FNUZ = 20,
  ONWARD_UINT4 = 21,
  ONWARD_INT4 = 22,
  ONWARD_FLOAT4E2M1 = 23,
  ONWARD_FLOAT8E8M0 = 24,
  ONWARD_UINT2 = 25,
  ONWARD_INT2 = 26
} onward_dtype;

typedef enum onward_kind {
  ONWARD_NOTHING = 0, /* an empty optional */
  ONWARD_TENSOR = 1,
  ONWARD_SEQUENCE = 2,
  ONWARD_MAP = 3,
  ONWARD_SPARSE_TENSOR = 4,
  ONWARD_OPTIONAL = 5, /* of a type only: a value is what the optional holds, or ONWARD_NOTHING */
  ONWARD_OPAQUE = 6    /* of a type only: nothing can be fed to it */
} onward_kind;

typedef enum onward_optimization {
  ONWARD_OPTIMIZE_FULL = 0,
  ONWARD_OPTIMIZE_OFF = 1,  /* only what is needed to run */
  ONWARD_OPTIMIZE_BASIC = 2 /* rewrites that leave every result bit for bit the same */
} onward_optimization;

typedef struct onward_status onward_status;
typedef struct onward_model onward_model;
typedef struct onward_session onward_session;
typedef struct onward_value onward_value;
typedef struct onward_cancel onward_cancel;
/* Since version 2. */
typedef struct onward_type onward_type;       /* a type, owned by the model or session that it describes */
typedef struct onward_text onward_text;       /* a text that a call made, for the caller to free */
typedef struct onward_context onward_context; /* inputs and outputs bound to a session */

typedef void (*onward_log_fn)(void* user, int32_t level, const char* message);
typedef void (*onward_release_fn)(void* user);
/* The end of an asynchronous run, on a thread of the library's. `status` (null: success) and the values in
 * `outputs` are the callback's to free; the array itself is gone when it returns. After an error `outputs` is
 * NULL and `count` 0. Must not throw. */
typedef void (*onward_done_fn)(void* user, onward_status* status, onward_value** outputs, size_t count);

/* Where memory comes from. `alloc` returns at least `bytes` bytes at a multiple of `alignment` (a power of
 * two), or NULL; `free` gets what `alloc` returned and the same `bytes`. Both are called from any thread, at
 * any time, until the last value that was made with them is freed. */
typedef struct onward_allocator {
  size_t size;
  void* (*alloc)(void* user, size_t bytes, size_t alignment);
  void (*free)(void* user, void* memory, size_t bytes);
  void* user;
} onward_allocator;

/* What a type says; see type_describe. */
typedef struct onward_type_info {
  size_t size;
  onward_kind kind;
  onward_dtype dtype; /* elements of a (sparse) tensor; keys of a map */
  int32_t has_rank;   /* of a (sparse) tensor; 0: the rank is unknown */
  size_t rank;
  const int64_t* dims;                /* -1 where a dimension is not fixed */
  const char* const* dim_names;       /* its symbol or expression, "" where fixed or unknown */
  const char* const* dim_denotations; /* "DATA_BATCH", ...; "" where there is none */
  const char* denotation;             /* "IMAGE", ...; "" where there is none */
  const char* text;                   /* "seq(map(string,float[?]))" */
  const onward_type* element;         /* of a sequence or optional; values of a map; else NULL */
} onward_type_info;

/* An input or output of a model. `kind` and `dtype` look through an optional; `type` does not. */
typedef struct onward_value_info {
  size_t size;
  const char* name;
  const char* type_text; /* "float[N,3,224,224]", "seq(int64[?])" */
  onward_kind kind;
  onward_dtype dtype; /* of a tensor */
  int32_t has_rank;   /* 0: the rank is unknown, and rank and dims mean nothing */
  size_t rank;
  const int64_t* dims;          /* -1 where a dimension is not fixed */
  const char* const* dim_names; /* its symbol or expression ("N", "2*N+1"), "" where fixed */
  int32_t is_optional;          /* an input with a default (an initializer of the same name) */
  /* Since version 2. */
  const onward_type* type; /* the whole type, with elements and denotations */
  const char* doc_string;
} onward_value_info;

typedef struct onward_model_options {
  size_t size;
  /* Where external data may be read. NULL: beside the file; for model_load_bytes nowhere. */
  const char* external_data_folder;
  /* Since version 2. */
  /* Initializers of the main graph that are given here and not read from the model: tensors of the type and
   * shape that the model states for the name. Memory wrapped without a release function is copied, other
   * memory is shared and must not be written to any more. */
  const char* const* initializer_names;
  const onward_value* const* initializers;
  size_t initializer_count;
  /* External data files that are in memory: their locations as the model names them, and their bytes, which
   * must stay as they are for as long as the model or a session of it lives. */
  const char* const* file_names;
  const void* const* file_data;
  const size_t* file_bytes;
  size_t file_count;
} onward_model_options;

typedef struct onward_session_options {
  size_t size;
  int32_t threads; /* 0: as many as this process may use */
  onward_optimization optimization;
  int64_t memory_limit_bytes;   /* of one run, weights not counted; 0: what the process may use */
  const char* const* providers; /* in order of preference; the CPU is always last */
  size_t provider_count;
  int32_t strict_providers; /* 1: what the first provider cannot run is an error, not run elsewhere */
  const char* profile_path; /* a Chrome trace is written there when the session is freed */
  int32_t profile;          /* 1: keep per-node times, for session_profile_json */
  /* Since version 2. */
  const char* log_id;     /* stands before each message of this session: "[id] message" */
  int32_t has_log_level;  /* 1: `log_level` holds for this session's messages, not the process's */
  int32_t log_level;      /* as in set_log_level */
  onward_log_fn log_sink; /* takes this session's messages; NULL: where all messages go */
  void* log_user;
  /* Sizes for open dimensions of the inputs, by symbol ("N") and by denotation ("DATA_BATCH"). The session is
   * compiled for these sizes and takes no others. A name that no input has is INVALID_ARGUMENT. */
  const char* const* dim_names;
  const int64_t* dim_sizes;
  size_t dim_count;
  const char* const* denotation_names;
  const int64_t* denotation_sizes;
  size_t denotation_count;
  /* As in onward_model_options, for this session only. */
  const char* const* initializer_names;
  const onward_value* const* initializers;
  size_t initializer_count;
  /* Memory of runs: outputs, scratch memory and the arena. Copied; NULL: the C++ runtime's. Strings and
   * weights are not allocated with it. */
  const onward_allocator* allocator;
  /* Options as text: see config_key. They are read last and win over the fields above. */
  const char* const* config_keys;
  const char* const* config_values;
  size_t config_count;
} onward_session_options;

typedef struct onward_run_options {
  size_t size;
  int64_t timeout_us;         /* 0: none */
  onward_cancel* cancel;      /* may be triggered from another thread */
  int64_t memory_limit_bytes; /* 0: the session's */
  /* Since version 2. */
  int32_t trim_after; /* 1: as if session_trim were called after the run */
} onward_run_options;

/* Since version 2. A model that need not be valid: exactly one of `path`, `data` and `model` is given. */
typedef struct onward_source {
  size_t size;
  const char* path;
  const void* data; /* copied */
  size_t bytes;
  const char* external_data_folder; /* with `data`: where external data may be read; NULL: nowhere */
  const onward_model* model;        /* its file as it was loaded */
} onward_source;

typedef struct onward_inspect_options {
  size_t size;
  const char* const* dim_names; /* symbols of the inputs that get a size in the report */
  const int64_t* dim_sizes;
  size_t dim_count;
} onward_inspect_options;

typedef struct onward_check_options {
  size_t size;
  int32_t full; /* 1: also infer types and shapes, and look into all weights */
} onward_check_options;

/* Since version 3. Where an initializer of a model that is written goes. Returns 0: into the model; 1: it is
 * in the file *location (which must stay valid until the next call), *bytes long from *offset on, and written
 * there by whoever returns this; anything else: the call stops with INVALID_ARGUMENT. Before, they say where
 * it is in the original; NULL and 0: inside. */
typedef int32_t (*onward_place_fn)(void* user, const char* name, const onward_value* value,
                                   const char** location, int64_t* offset, int64_t* bytes);

/* Since version 3. Where model_optimize writes to. */
typedef struct onward_save_options {
  size_t size;
  const char* path; /* NULL: the file is returned as bytes */
  /* With a path: the plain name of a file beside it, for initializers of at least `threshold_bytes` (0:
   * 1024). NULL: initializers are in the model, unless they are outside of the original, or the model would
   * pass 2 GiB; then they go to a file that has ".data" after the model's name. */
  const char* data_file;
  int64_t threshold_bytes;
  onward_place_fn place; /* asked for each initializer of numbers; excludes data_file */
  void* place_user;
} onward_save_options;

typedef struct onward_api {
  size_t size; /* bytes of this table as the library has it */
  uint32_t version;

  onward_code (*status_code)(const onward_status*);
  const char* (*status_message)(const onward_status*);
  void (*status_free)(onward_status*);
  const char* (*library_version)(void); /* "0.1.0" */
  void (*set_log_level)(int32_t level); /* 0 verbose, 1 info, 2 warning (default), 3 error, 4 off */
  void (*set_log_sink)(onward_log_fn, void* user); /* the one before is called no more; not from in a sink */

  onward_status* (*model_load)(const char* path, const onward_model_options*, onward_model**);
  /* The bytes are copied where they are needed; they may be freed afterwards. */
  onward_status* (*model_load_bytes)(const void* data, size_t bytes, const onward_model_options*,
                                     onward_model**);
  void (*model_free)(onward_model*);
  size_t (*model_input_count)(const onward_model*);
  size_t (*model_output_count)(const onward_model*);
  onward_status* (*model_input)(const onward_model*, size_t i, onward_value_info*);
  onward_status* (*model_output)(const onward_model*, size_t i, onward_value_info*);
  /* The model's own fields ("producer_name", "graph_name", "domain", ...) and metadata_props; NULL if absent.
   */
  const char* (*model_field)(const onward_model*, const char* name);
  size_t (*model_metadata_count)(const onward_model*);
  const char* (*model_metadata_key)(const onward_model*, size_t i);
  const char* (*model_metadata_value)(const onward_model*, size_t i);

  onward_status* (*session_create)(onward_model*, const onward_session_options*, onward_session**);
  void (*session_free)(onward_session*);
  /* Runs once. Inputs by name, in any order. `outputs[i]` receives the output `output_names[i]`; with
   * output_count 0 and output_names NULL, all outputs in the model's order are written to `outputs`. A symbol
   * of the inputs' shapes may stand for two sizes: the first such run warns, and compiles the model once more
   * without it. */
  onward_status* (*session_run)(onward_session*, const onward_run_options*, const char* const* input_names,
                                const onward_value* const* inputs, size_t input_count,
                                const char* const* output_names, size_t output_count, onward_value** outputs);
  /* JSON: who runs each node and why another provider does not; borrowed. NULL: out of memory. */
  const char* (*session_placement_json)(onward_session*);
  /* JSON array of {name, op, calls, total_us} since creation, needs `profile`; borrowed until the next call.
   * NULL: out of memory. */
  const char* (*session_profile_json)(onward_session*);
  void (*session_trim)(onward_session*); /* gives memory kept for the next run back */

  onward_kind (*value_kind)(const onward_value*);
  void (*value_free)(onward_value*);
  /* Uninitialised memory (strings: empty). */
  onward_status* (*tensor_create)(onward_dtype, const int64_t* dims, size_t rank, onward_value**);
  /* Borrows `data` (row-major, of `bytes` bytes, at a multiple of the element's size); `release(user)`, if
   * any, is called when it is not needed any more, from any thread; never if the call fails. */
  onward_status* (*tensor_wrap)(onward_dtype, const int64_t* dims, size_t rank, void* data, size_t bytes,
                                onward_release_fn release, void* user, onward_value**);
  onward_dtype (*tensor_dtype)(const onward_value*);
  size_t (*tensor_rank)(const onward_value*);
  const int64_t* (*tensor_dims)(const onward_value*);
  size_t (*tensor_bytes)(const onward_value*); /* 0 for strings */
  void* (*tensor_data)(onward_value*);         /* NULL for strings */
  const char* (*tensor_string)(const onward_value*, size_t i, size_t* bytes);
  onward_status* (*tensor_set_string)(onward_value*, size_t i, const char* text, size_t bytes);
  size_t (*sequence_count)(const onward_value*);
  onward_status* (*sequence_at)(const onward_value*, size_t i, onward_value**); /* a new handle */
  onward_status* (*sequence_create)(const onward_value* const* items, size_t count, onward_value**);
  size_t (*map_count)(const onward_value*);
  /* Key `i` in ascending order: text in *key (and *bytes) for string keys, else NULL and the number in
   * *number. */
  onward_status* (*map_at)(const onward_value*, size_t i, const char** key, size_t* bytes, int64_t* number,
                           onward_value** item);

  onward_cancel* (*cancel_create)(void); /* NULL: out of memory */
  void (*cancel_trigger)(onward_cancel*);
  void (*cancel_reset)(onward_cancel*);
  void (*cancel_free)(onward_cancel*);

  /* Since version 2. The process. */

  const char* (*code_name)(onward_code);   /* "InvalidModel"; "Unknown" for a number that is no code */
  const char* (*dtype_name)(onward_dtype); /* as in ONNX's type texts: "float", "int64"; "undefined" */
  int32_t (*dtype_bits)(onward_dtype);     /* 2 to 128; 0 for strings and for what is no type */
  const char* (*build_info)(void);         /* "onward 0.1.0, x86-64, avx2, gcc 12.2" */
  /* Execution providers of this build, as session options name them; the last is "cpu". */
  size_t (*provider_count)(void);
  const char* (*provider_name)(size_t i); /* NULL past the end */
  /* How long threads of the pool wait awake for more work before they sleep: more costs processor time, less
   * costs latency. 0: not at all; negative: the default. Of the whole process. */
  void (*set_thread_spin_us)(int64_t us);
  const char* (*text_data)(const onward_text*,
                           size_t* bytes); /* ends with a NUL that `bytes` does not count */
  void (*text_free)(onward_text*);
  int32_t (*cancel_triggered)(const onward_cancel*);

  /* Models. */

  size_t (*model_opset_count)(const onward_model*);
  /* An import as the file states it; "" and "ai.onnx" are the same domain. Borrowed. */
  onward_status* (*model_opset)(const onward_model*, size_t i, const char** domain, int64_t* version);
  onward_status* (*type_describe)(const onward_type*, onward_type_info*);
  /* The report of `onward inspect --json`. Errors: IO, INVALID_MODEL where the file cannot be read at all. */
  onward_status* (*inspect_json)(const onward_source*, const onward_inspect_options*, onward_text**);
  /* The report of `onward check --json`: a broken model is a finding, not an error. Errors: IO. */
  onward_status* (*check_json)(const onward_source*, const onward_check_options*, onward_text**);

  /* Sessions. */

  /* Inputs and outputs as this session takes them: the model's, with sizes given to open dimensions. */
  size_t (*session_input_count)(const onward_session*);
  size_t (*session_output_count)(const onward_session*);
  onward_status* (*session_input)(const onward_session*, size_t i, onward_value_info*);
  onward_status* (*session_output)(const onward_session*, size_t i, onward_value_info*);
  /* As session_run, but where outputs[i] is not NULL, the result is written to it: a tensor of the type and
   * shape that the output has (else INVALID_ARGUMENT). It is written without a copy where the model computes
   * that output row-major and in memory of its own, and no input overlaps it. Others must be NULL and are
   * made. After an error the contents of given tensors are undefined; outputs that are NULL stay NULL. */
  onward_status* (*session_run_into)(onward_session*, const onward_run_options*,
                                     const char* const* input_names, const onward_value* const* inputs,
                                     size_t input_count, const char* const* output_names, size_t output_count,
                                     onward_value** outputs);
  /* Starts a run and returns; `done` is called exactly once if this returns success, and not otherwise.
   * `outputs` may be NULL, or be as for session_run_into; given tensors must not be freed or used before
   * `done`, which gets their handles back. Inputs may be freed at once, memory that they wrap without a
   * release function must stay. The session may be freed. At most as many runs as the process has processors
   * go on at once. */
  onward_status* (*session_run_async)(onward_session*, const onward_run_options*,
                                      const char* const* input_names, const onward_value* const* inputs,
                                      size_t input_count, const char* const* output_names,
                                      size_t output_count, onward_value* const* outputs, onward_done_fn done,
                                      void* user);
  /* Keeps per-node times from now on, and forgets those before. Runs that are under way are not counted. */
  onward_status* (*session_profile_start)(onward_session*);
  onward_status* (*session_profile_stop)(onward_session*); /* what was kept can still be read */
  /* What was kept as a trace in Chrome's format (chrome://tracing, Perfetto); times in microseconds. */
  onward_status* (*session_trace_json)(onward_session*, onward_text**);
  /* JSON: {"threads", "optimization", "nodes", "steps", "passes": [{"name", "changes", "ms"}]}. */
  onward_status* (*session_report_json)(onward_session*, onward_text**);
  /* The keys that `config_keys` of the session options may hold, and what each means; NULL past the end. */
  size_t (*config_count)(void);
  const char* (*config_key)(size_t i);
  const char* (*config_meaning)(size_t i);

  /* Contexts: for one thread at a time. They keep what is bound to them alive; wrapped memory without a
   * release function must stay. */

  onward_status* (*context_create)(onward_session*, onward_context**);
  void (*context_free)(onward_context*);
  /* Takes the place of an earlier value of that name. NULL unbinds. */
  onward_status* (*context_bind_input)(onward_context*, const char* name, const onward_value*);
  /* With a tensor, each run writes to it as session_run_into does; with NULL each run makes a value. Outputs
   * that are not bound are not returned; if none is bound, all are. */
  onward_status* (*context_bind_output)(onward_context*, const char* name, onward_value*);
  void (*context_clear)(onward_context*, int32_t inputs, int32_t outputs); /* nonzero: unbinds all of these */
  onward_status* (*context_run)(onward_context*, const onward_run_options*);
  /* Results of the last run, in the order in which outputs were bound, or the model's. 0 before a run and
   * after one that failed. */
  size_t (*context_output_count)(const onward_context*);
  const char* (*context_output_name)(const onward_context*,
                                     size_t i); /* until the next run; NULL past the end */
  onward_status* (*context_output)(const onward_context*, size_t i, onward_value**); /* a new handle */

  /* Values. */

  onward_status* (*value_share)(const onward_value*, onward_value**); /* a new handle to the same value */
  onward_status* (*value_copy)(const onward_value*, onward_value**);  /* with memory of its own, throughout */
  /* As tensor_create, with memory from `allocator` (copied; NULL: the C++ runtime's). */
  onward_status* (*tensor_create_with)(const onward_allocator*, onward_dtype, const int64_t* dims,
                                       size_t rank, onward_value**);
  /* A part of a tensor under another shape, without a copy: elements [first, first + product(dims)) in
   * row-major order. For 2- and 4-bit types `first` must be at the start of a byte. Keeps the memory alive.
   */
  onward_status* (*tensor_view)(const onward_value*, size_t first, const int64_t* dims, size_t rank,
                                onward_value**);
  size_t (*tensor_count)(const onward_value*);           /* elements */
  const void* (*tensor_const_data)(const onward_value*); /* NULL for strings */
  /* Keys must differ. Items may be NULL (nothing). `key_type` is any integer type (uint64 as its bits). */
  onward_status* (*map_create)(onward_dtype key_type, const int64_t* keys, const onward_value* const* items,
                               size_t count, onward_value**);
  /* `key_bytes` NULL: keys end with a NUL. */
  onward_status* (*map_create_strings)(const char* const* keys, const size_t* key_bytes,
                                       const onward_value* const* items, size_t count, onward_value**);
  onward_dtype (*map_key_type)(const onward_value*); /* ONWARD_STRING or an integer type */
  /* Of an optional type: `item`, or nothing with NULL. A new handle either way. */
  onward_status* (*optional_create)(const onward_value* item, onward_value**);
  /* `values`: a tensor [n]; `indices`: int64 [n] (row-major positions) or [n, rank], ascending and inside
   * `dims`. Shares the tensors' memory, or copies it where it is wrapped without a release function. */
  onward_status* (*sparse_create)(const onward_value* values, const onward_value* indices,
                                  const int64_t* dims, size_t rank, onward_value**);
  size_t (*sparse_rank)(const onward_value*);
  const int64_t* (*sparse_dims)(const onward_value*);
  onward_status* (*sparse_values)(const onward_value*, onward_value**);  /* a new handle */
  onward_status* (*sparse_indices)(const onward_value*, onward_value**); /* a new handle */

  /* Since version 3. */

  onward_detail (*status_detail)(const onward_status*); /* NONE for success */
  /* Writes the model as a session with these options would have it before it fuses for this engine:
   * simplified as far as the options allow, with their initializers and sizes in it, in standard operators
   * that every engine runs. The file appears whole or not at all. Without `path` its bytes are returned in
   * `text`; with it `text` is not used and may be NULL. Errors: IO, LIMIT_EXCEEDED (bytes of 2 GiB or more),
   * UNSUPPORTED (an operator that standard ONNX cannot say). */
  onward_status* (*model_optimize)(onward_model*, const onward_session_options*, const onward_save_options*,
                                   onward_text** text);
} onward_api;

/* The table, or NULL when the library is older than `version`. */
ONWARD_EXPORT const onward_api* onward_get_api(uint32_t version);

#ifdef __cplusplus
}
#endif
#endif /* ONWARD_ONWARD_H_ */
