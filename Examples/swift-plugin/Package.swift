// swift-tools-version: 6.1
import PackageDescription

let kit = Target.Dependency.product(name: "PipelineKit", package: "spreader-pipeline")
let pluginProtocol = Target.Dependency.product(name: "PluginProtocol", package: "spreader-pipeline")

let package = Package(
    name: "slate",
    platforms: [.macOS(.v15)],
    // The stage without the plugin executable, for programs that link it in.
    products: [.library(name: "SlateStage", targets: ["SlateStage"])],
    // Outside this repository, use its URL instead of a path.
    dependencies: [.package(name: "spreader-pipeline", path: "../..")],
    targets: [
        .target(name: "SlateStage", dependencies: [kit]),
        .executableTarget(name: "slate", dependencies: ["SlateStage", pluginProtocol]),
        .testTarget(name: "SlateTests", dependencies: ["SlateStage", kit]),
    ]
)
