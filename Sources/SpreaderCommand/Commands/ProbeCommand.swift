import ArgumentParser
import Foundation
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting

struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Show the tracks of footage: codec, size, colour, timing and audio.")

    @Argument(help: "Footage: files, folders or patterns.", completion: .file()) var files: [String]
    @Option(help: "Output format; json is one object per line.") var format: OutputFormat = .text

    func run() async throws {
        let settings = try await Settings.load()
        try await StageHost.with(settings, .named([])) { try await show($0.registry) }
    }

    private func show(_ registry: StageRegistry) async throws {
        var isRefused = false
        let inputs = files.map { ($0, SourcePosition(file: $0)) }
        let (assets, findings) = InputResolver.resolve(
            inputs, in: URL(filePath: FileManager.default.currentDirectoryPath))
        for finding in findings where finding.severity == .error {
            isRefused = true
            Output.message(finding.text)
        }
        for asset in assets {
            do throws(StageError) {
                let media = try await Self.probe(asset, registry)
                switch format {
                case .json: Output.result((try? JSONValue(encoding: media).text()) ?? "{}")
                case .text: Output.result(Self.page(media))
                }
            } catch {
                isRefused = true
                Output.message("\(asset.name): error: \(error.description)")
            }
        }
        if isRefused { throw ExitCode(assets.count > 1 ? 1 : 65) }
    }

    private static func probe(_ asset: AssetInput, _ registry: StageRegistry) async throws(StageError) -> ProbedMedia {
        guard let stage = registry.stage(named: "probe") else {
            throw StageError(.internalFault, "the probe stage is missing")
        }
        let context = PlanContext(post: PostSettings(), settings: [:], logger: Log.quiet)
        let size = (try? FileSize.of(asset.path)) ?? 0
        let source = SourceFile(file: FileReference(path: asset.path, bytes: size), displayPath: asset.name)
        let plan = try await stage.make([:]).plan(source, context)
        guard let media = plan.output as? ProbedMedia else {
            if let finding = plan.findings.first {
                throw StageError(.busy, finding.message, hint: finding.hint)
            }
            throw StageError(.internalFault, "probe returned no result for \(asset.name)")
        }
        return media
    }

    private static func page(_ media: ProbedMedia) -> String {
        var lines = [
            "\(media.source.displayPath): \(media.container), \(Duration.spoken(seconds: media.duration)), \(ByteCount(media.source.file.bytes))"
        ]
        for track in media.video {
            let chosen = track.index == media.chosenVideo ? "*" : " "
            var facts = [
                "\(track.codec)\(track.profile.map { " \($0)" } ?? "")",
                "\(track.codedWidth)×\(track.codedHeight)", track.pixelFormat,
            ]
            if track.displayWidth != track.codedWidth || track.displayHeight != track.codedHeight {
                facts.append("shown \(track.displayWidth)×\(track.displayHeight)")
            }
            if track.rotation != 0 || track.mirrored {
                facts.append("rotated \(track.rotation)°\(track.mirrored ? ", mirrored" : "")")
            }
            if let rate = track.averageFrameRate.value {
                let kind = track.constantFrameRate.map { $0 ? " constant" : " variable" } ?? ""
                facts.append(String(format: "%.3f fps", rate) + kind)
            }
            facts.append(track.fieldOrder)
            facts.append(track.dynamicRange.rawValue.uppercased())
            facts.append(
                "colour \(track.colorSpace ?? "untagged")/\(track.colorTransfer ?? "untagged")/\(track.colorRange ?? "untagged")"
            )
            if let profile = track.dolbyVisionProfile { facts.append("Dolby Vision \(profile)") }
            if track.isAttachedPicture { facts.append("cover image") }
            lines.append(" \(chosen)#\(track.index) video  \(facts.joined(separator: ", "))")
        }
        for track in media.audio {
            let chosen = track.index == media.chosenAudio ? "*" : " "
            var facts = ["\(track.codec)", "\(track.sampleRate) Hz", track.layout]
            if let rate = track.bitRate { facts.append(BitRate(rate).description) }
            if let language = track.language { facts.append(language) }
            lines.append(" \(chosen)#\(track.index) audio  \(facts.joined(separator: ", "))")
        }
        lines += media.other.map { "  #\($0.index) \($0.kind)  \($0.codec)" }
        lines += media.warnings.map { "  warning: \($0)" }
        return lines.joined(separator: "\n")
    }
}
