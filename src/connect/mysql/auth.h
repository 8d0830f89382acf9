/* Proving a password to a server: the answers of mysql_native_password and
 * caching_sha2_password. Reference: MySQL 8.0 Source Code Documentation, "Authentication
 * Methods". */
#ifndef WEIR_CONNECT_MYSQL_AUTH_H
#define WEIR_CONNECT_MYSQL_AUTH_H

#include "base/buffer.h"
#include "base/status.h"

/* The answer to `scramble` (20 bytes) by plugin name, appended to `out`. ERR_INVALID for
 * plugins that are not supported. */
Status auth_answer(Str plugin, Str password, Str scramble, Buffer *out, Error *error);

/* The password, terminated, mixed with the scramble and encrypted to the server's PEM key. */
Status auth_encrypt(Str password, Str scramble, Str pem, Buffer *out, Error *error);

#endif
