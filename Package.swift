// swift-tools-version: 6.1
import Foundation
import PackageDescription

// Warnings are errors in continuous integration only: a newer compiler must not stop a user's build.
let isContinuousIntegration = ProcessInfo.processInfo.environment["CI"] == "true"

// Packages that others depend on by version may not have unsafe flags.
let isDependency = Context.packageDirectory.contains("/checkouts/")

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (isContinuousIntegration && !isDependency ? [.unsafeFlags(["-warnings-as-errors"])] : [])

let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")

/// A built-in stage: one folder under Plugins/, the module is named after it.
func plugin(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: "\(name)Plugin", dependencies: ["PipelineKit"] + dependencies, path: "Plugins/\(name)",
        swiftSettings: settings)
}

func module(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["SpreaderTesting"], path: "Tests/\(name)", swiftSettings: settings)
}

/// The built-in stages. Adding one: a folder under Plugins/, a line here, a line in
/// Sources/SpreaderApp/Stages/BuiltInStages.swift, a test and a section in docs/stages.md.
let stages = [
    plugin("Probe", ["Media", log]),
    plugin("Split", ["Media"]),
    plugin("Transcode", ["Media"]),
    plugin("Export", []),
    plugin("Overlay", ["Media"]),
    plugin("Subtitles", ["Media"]),
    plugin("Cover", ["Media"]),
    plugin("ContactSheet", ["Media"]),
    plugin("Chunk", ["TikTok"]),
    plugin("Upload", ["Posting", "TikTok", log]),
    plugin("Publish", ["Posting", "TikTok", log]),
]
let plugins: [Target.Dependency] = stages.map { .target(name: $0.name) }

let package = Package(
    name: "spreader-pipeline",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "spreader-pipeline", targets: ["spreader-pipeline"]),
        .library(name: "PipelineKit", targets: ["PipelineKit"]),
        .library(name: "PluginProtocol", targets: ["PluginProtocol"]),
        .library(name: "PipelineFile", targets: ["PipelineFile"]),
        .library(name: "SpreaderCommand", targets: ["SpreaderCommand"]),
    ],
    dependencies: [
        // The command line: parsing, help, completions.
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        // Structured logs whose destination the program, not a module, decides.
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        // Layered settings: environment over the .env file.
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0"),
        // File paths as swift-configuration takes them.
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        // SHA-256 of footage; authenticated encryption of upload URLs and tokens at rest.
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        // Byte buffers and event loops beneath the HTTP client and the sandbox.
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        // HTTP client with streamed request bodies.
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        // Long-running parts that stop in order when the system asks for it.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        // HTTP server of the sandbox, and of login callbacks.
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        // HTML of the sandbox's feed, escaped by the library.
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.1"),
        // SQLite: journal, post ledger, rate buckets, settings at rest.
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        // The documentation of the libraries: `make docs`.
        .package(url: "https://github.com/swiftlang/swift-docc-plugin.git", exact: "1.5.0"),
        // Pipeline files, JSON and YAML alike, with the position of every node.
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: stages + [
        .systemLibrary(
            name: "CFFmpeg",
            providers: [
                .apt([
                    "libavformat-dev", "libavcodec-dev", "libavfilter-dev", "libavutil-dev", "libswscale-dev",
                    "libswresample-dev",
                ])
            ]),
        .systemLibrary(name: "CPostgres", providers: [.apt(["libpq-dev"])]),
        .target(name: "CPostgresLoader", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "CFFmpegLoader", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        // Pixel loops, optimised in debug builds too: tests run real footage through them.
        .target(name: "CMediaKernels", cSettings: isDependency ? [] : [.unsafeFlags(["-O3"])]),
        // prctl and setrlimit, whose C forms Swift can't call.
        .target(name: "CProcess"),
        module("PipelineKit", ["CProcess", log]),
        module("Posting", ["PipelineKit"]),
        module("PluginProtocol", ["CProcess", "PipelineKit", log]),
        module("PipelineFile", ["PipelineKit", log, .product(name: "Yams", package: "Yams")]),
        module("PipelineEngine", ["PipelineKit", "Posting", "PipelineFile", "Store", log]),
        module("StageHosting", ["CProcess", "PipelineKit", "PluginProtocol", "Posting", "PipelineFile", "Store", log]),
        module("PipelineAdvice", ["PipelineKit", "PipelineFile", "PipelineEngine", "Store", log]),
        module("PipelineCases", ["PipelineKit", "PipelineFile", "StageHosting", log]),
        module(
            "Media", ["CFFmpeg", "CFFmpegLoader", "CMediaKernels", "PipelineKit", log, crypto], exclude: ["README.md"]),
        module(
            "TikTok",
            [
                "PipelineKit", "Posting", log, httpClient, nio, crypto,
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        module(
            "TikTokSandbox",
            [
                log, crypto, nio, httpClient, .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Mustache", package: "swift-mustache"),
            ]),
        module(
            "Store",
            [
                "CPostgres", "CPostgresLoader", "PipelineKit", "Posting", log, crypto, httpClient, nio,
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "GRDB", package: "GRDB.swift"),
            ]),
        module(
            "Server",
            [
                "PipelineKit", "TikTok", log, crypto, nio, .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Mustache", package: "swift-mustache"),
            ]),
        .executableTarget(name: "spreader-pipeline", dependencies: ["SpreaderCommand"], swiftSettings: settings),
        module(
            "Jobs",
            [
                "PipelineKit", "PipelineFile", "StageHosting", "Store", log,
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        module(
            "SpreaderApp",
            plugins + [
                "PipelineKit", "PluginProtocol", "Posting", "Media", "TikTok", "Store", "PipelineFile",
                "PipelineEngine", "StageHosting", "PipelineAdvice", "PipelineCases", "Jobs", "TikTokSandbox", log,
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "SpreaderCommand",
            dependencies: [
                "CProcess", "PipelineKit", "Posting", "Media", "TikTok", "Store", "PipelineFile", "PipelineEngine",
                "StageHosting", "PipelineAdvice", "PipelineCases", "Jobs", "SpreaderApp",
                "TikTokSandbox", "Server", log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            // What `plugins new` writes; in code, so that the program stays one file.
            resources: [
                .embedInCode("Templates/spreader_plugin.py"), .embedInCode("Templates/stage.py"),
                .embedInCode("Templates/test.py"), .embedInCode("Templates/Package.swift.txt"),
                .embedInCode("Templates/Stage.swift.txt"),
            ],
            swiftSettings: settings),

        .executableTarget(
            name: "spreader-benchmarks",
            dependencies: [
                "PipelineKit", "PluginProtocol", "PipelineFile", "PipelineEngine", "StageHosting", "PipelineAdvice",
                "PipelineCases", "Store", log, crypto,
            ],
            path: "Benchmarks", exclude: ["run", "media", "quality", "upload", "queue"], swiftSettings: settings),
        .executableTarget(
            name: "spreader-fuzz",
            dependencies: [
                "ProbePlugin", "TranscodePlugin", "PipelineKit", "PipelineFile", "StageHosting", "PipelineAdvice",
                "SpreaderApp", "Media", log,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Fuzz", swiftSettings: settings),
        .target(
            name: "SpreaderTesting", dependencies: ["PipelineKit", "Posting", log], path: "Tests/SpreaderTesting",
            swiftSettings: settings),
        .executableTarget(
            name: "spreader-test-worker",
            dependencies: ["PipelineKit", "PluginProtocol", "StageHosting", "SpreaderTesting"],
            path: "Tests/TestWorker",
            swiftSettings: settings),
        tests("PipelineKitTests", ["PipelineKit", "PluginProtocol"]),
        tests(
            "PipelineTests",
            [
                "spreader-test-worker", "PipelineFile", "PipelineEngine", "PipelineAdvice", "PipelineCases",
                "PipelineKit",
                "PluginProtocol", "Posting", "StageHosting", "Store", log, crypto,
            ]),
        tests("MediaTests", ["Media", "PipelineKit"]),
        tests("TikTokTests", ["TikTok", "PipelineKit", "Posting", nio]),
        tests("TikTokSandboxTests", ["TikTokSandbox", httpClient]),
        tests(
            "ServerTests",
            [
                "Server", "TikTok", "PipelineKit", crypto,
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
        tests(
            "StoreTests",
            [
                "Store", "PipelineKit", "Posting", crypto, httpClient, nio,
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        tests(
            "PreparePluginsTests",
            [
                "ProbePlugin", "TranscodePlugin", "ExportPlugin", "OverlayPlugin", "SubtitlesPlugin", "CoverPlugin",
                "ContactSheetPlugin", "SplitPlugin", "PipelineKit", "Media",
            ]),
        tests(
            "PostPluginsTests",
            ["ChunkPlugin", "UploadPlugin", "PublishPlugin", "PipelineKit", "Posting", "TikTok", "TikTokSandbox"]),
        tests("SpreaderAppTests", ["SpreaderApp", "PipelineKit", "PipelineFile", "PipelineEngine"]),
        tests(
            "EndToEndTests",
            [
                "spreader-pipeline", "spreader-fuzz", "PipelineKit", httpClient, nio, crypto,
                .product(name: "NIOFoundationCompat", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
    ]
)
