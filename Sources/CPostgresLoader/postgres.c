// Loads libpq at the first connection instead of at program start.
//
// libpq depends on TLS, Kerberos and LDAP libraries, which take 10 ms to load before main(); most commands need none of
// them. Each function that Store calls is defined here and calls the loaded one through a pointer. A missing one is an
// undefined symbol at link time: add it here.
#include "CPostgresLoader.h"
#include <dlfcn.h>
#include <postgresql/libpq-fe.h>
#include <pthread.h>

#define FUNCTIONS(f) \
    f(PQconnectdbParams) f(PQfinish) f(PQstatus) f(PQerrorMessage) f(PQsocket) f(PQexec) f(PQexecParams) f(PQconsumeInput) \
    f(PQnotifies) f(PQfreemem) f(PQsetNoticeProcessor) f(PQresultStatus) f(PQresultErrorField) f(PQresultErrorMessage) \
    f(PQclear) f(PQcmdTuples) f(PQntuples) f(PQnfields) f(PQfname) f(PQftype) f(PQgetisnull) f(PQgetvalue)

#define POINTER(name) static __typeof__(&name) name##Pointer;
FUNCTIONS(POINTER)

static const char *problem;

static void load(void) {
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        problem = dlerror();
        return;
    }
#define RESOLVE(name) \
    if (!(name##Pointer = (__typeof__(name##Pointer))dlsym(library, #name))) problem = "libpq.so.5 lacks " #name;
    FUNCTIONS(RESOLVE)
}

const char *spreader_postgres_load(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return problem;
}

PGconn *PQconnectdbParams(const char *const *keywords, const char *const *values, int expand) {
    return PQconnectdbParamsPointer(keywords, values, expand);
}
void PQfinish(PGconn *connection) { PQfinishPointer(connection); }
ConnStatusType PQstatus(const PGconn *connection) { return PQstatusPointer(connection); }
char *PQerrorMessage(const PGconn *connection) { return PQerrorMessagePointer(connection); }
int PQsocket(const PGconn *connection) { return PQsocketPointer(connection); }
PGresult *PQexecParams(
    PGconn *connection, const char *command, int count, const Oid *types, const char *const *values, const int *lengths,
    const int *formats, int format
) {
    return PQexecParamsPointer(connection, command, count, types, values, lengths, formats, format);
}
PGresult *PQexec(PGconn *connection, const char *query) { return PQexecPointer(connection, query); }
int PQconsumeInput(PGconn *connection) { return PQconsumeInputPointer(connection); }
PGnotify *PQnotifies(PGconn *connection) { return PQnotifiesPointer(connection); }
void PQfreemem(void *memory) { PQfreememPointer(memory); }
PQnoticeProcessor PQsetNoticeProcessor(PGconn *connection, PQnoticeProcessor processor, void *argument) {
    return PQsetNoticeProcessorPointer(connection, processor, argument);
}
ExecStatusType PQresultStatus(const PGresult *result) { return PQresultStatusPointer(result); }
char *PQresultErrorField(const PGresult *result, int field) { return PQresultErrorFieldPointer(result, field); }
char *PQresultErrorMessage(const PGresult *result) { return PQresultErrorMessagePointer(result); }
void PQclear(PGresult *result) { PQclearPointer(result); }
char *PQcmdTuples(PGresult *result) { return PQcmdTuplesPointer(result); }
int PQntuples(const PGresult *result) { return PQntuplesPointer(result); }
int PQnfields(const PGresult *result) { return PQnfieldsPointer(result); }
char *PQfname(const PGresult *result, int column) { return PQfnamePointer(result, column); }
Oid PQftype(const PGresult *result, int column) { return PQftypePointer(result, column); }
int PQgetisnull(const PGresult *result, int row, int column) { return PQgetisnullPointer(result, row, column); }
char *PQgetvalue(const PGresult *result, int row, int column) { return PQgetvaluePointer(result, row, column); }
