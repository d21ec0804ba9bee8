// Finds fonts with fontconfig, a dependency of libavfilter. The library is loaded at the first query, and the few
// functions used are declared here, so that building needs no fontconfig headers.
#include "CFFmpegLoader.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>

typedef struct FcPattern FcPattern;
static int (*configSubstitute)(void *, FcPattern *, int);
static void (*defaultSubstitute)(FcPattern *);
static FcPattern *(*fontMatch)(void *, FcPattern *, int *);
static int (*getString)(const FcPattern *, const char *, int, unsigned char **);
static int (*addString)(FcPattern *, const char *, const unsigned char *);
static FcPattern *(*create)(void);
static void (*destroy)(FcPattern *);
static FcPattern *(*query)(const unsigned char *, unsigned, void *, int *);
static int isLoaded;

static void load(void) {
    void *library = dlopen("libfontconfig.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (!library) return;
    configSubstitute = dlsym(library, "FcConfigSubstitute");
    defaultSubstitute = dlsym(library, "FcDefaultSubstitute");
    fontMatch = dlsym(library, "FcFontMatch");
    getString = dlsym(library, "FcPatternGetString");
    addString = dlsym(library, "FcPatternAddString");
    create = dlsym(library, "FcPatternCreate");
    destroy = dlsym(library, "FcPatternDestroy");
    query = dlsym(library, "FcFreeTypeQuery");
    isLoaded = configSubstitute && defaultSubstitute && fontMatch && getString && addString && create && destroy && query;
}

static int ready(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    return isLoaded;
}

int spreader_font_installed(const char *family, char *found, size_t size, char *file, size_t file_size) {
    if (!ready()) return 0;
    FcPattern *wanted = create();
    if (!wanted) return 0;
    addString(wanted, "family", (const unsigned char *)family);
    configSubstitute(NULL, wanted, 0);
    defaultSubstitute(wanted);
    int answer = 0, result = 0;
    FcPattern *match = fontMatch(NULL, wanted, &result);
    unsigned char *text = NULL;
    if (match && getString(match, "file", 0, &text) == 0) {
        answer = 1;
        snprintf(file, file_size, "%s", (const char *)text);
        for (int index = 0; getString(match, "family", index, &text) == 0; index++) {
            if (index == 0) snprintf(found, size, "%s", (const char *)text);
            if (strcasecmp((const char *)text, family) == 0) answer = 2;
        }
    }
    if (match) destroy(match);
    destroy(wanted);
    return answer;
}

int spreader_font_family(const char *path, char *family, size_t size) {
    if (!ready()) return 0;
    int count = 0;
    FcPattern *pattern = query((const unsigned char *)path, 0, NULL, &count);
    if (!pattern) return 0;
    unsigned char *text = NULL;
    int answer = getString(pattern, "family", 0, &text) == 0;
    if (answer) snprintf(family, size, "%s", (const char *)text);
    destroy(pattern);
    return answer;
}
