// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "team-spreader",
    platforms: [.macOS(.v15)],
    dependencies: [
        // Outside this repository, use its URL instead of a path.
        .package(name: "spreader-pipeline", path: "../.."),
        .package(name: "slate", path: "../swift-plugin"),
    ],
    targets: [
        .executableTarget(
            name: "team-spreader",
            dependencies: [
                .product(name: "PipelineKit", package: "spreader-pipeline"),
                .product(name: "SpreaderCommand", package: "spreader-pipeline"),
                .product(name: "SlateStage", package: "slate"),
            ])
    ]
)
