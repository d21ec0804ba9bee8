import ArgumentParser
import Foundation
import Media
import PipelineAdvice
import PipelineCases
import PipelineEngine
import PipelineFile
import PipelineKit
import SpreaderApp
import StageHosting
import Store
import TikTok

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check libraries, encoders, plugins, database, credentials, network and clock.",
        discussion: "Exits 0 if runs can work, 78 if something is broken. Missing credentials are only a warning.")

    @Flag(help: "Skip the checks that need the network.") var offline = false
    @OptionGroup var database: DatabaseOption
    @OptionGroup var output: FormatOption

    private struct Check {
        enum Verdict: String { case ok, warning, broken }
        var name: String
        var verdict: Verdict
        var detail: String
    }

    func run() async throws {
        let settings = try await Settings.load()
        var checks = [Check(name: "program", verdict: .ok, detail: Version.current)]
        checks += libraries()
        checks.append(await isolation(settings))
        checks += await plugins(settings)
        checks += await writeAccess(settings)
        let service = await service(settings)
        let isReachable = service.contains { $0.name == "service" && $0.verdict == .ok } && !offline
        checks.append(await credentials(settings, isReachable: isReachable))
        checks += service
        switch output.format {
        case .json:
            Output.result(
                try JSONValue.array(
                    checks.map {
                        [
                            "check": .string($0.name), "verdict": .string($0.verdict.rawValue),
                            "detail": .string($0.detail),
                        ]
                    }
                ).text(pretty: true))
        case .text:
            let marks: [Check.Verdict: String] = [.ok: "✓", .warning: "!", .broken: "✗"]
            Output.result(Output.table(checks.map { ["\(marks[$0.verdict] ?? "?") \($0.name)", $0.detail] }))
        }
        if checks.contains(where: { $0.verdict == .broken }) { throw ExitCode(78) }
    }

    private func libraries() -> [Check] {
        var checks: [Check] = []
        do throws(StageError) {
            checks.append(Check(name: "FFmpeg", verdict: .ok, detail: try MediaLibraries.versions()))
        } catch {
            return [Check(name: "FFmpeg", verdict: .broken, detail: error.description)]
        }
        for (name, purpose) in [("libx264", "H.264 encoder"), ("aac", "AAC encoder")] {
            let isThere = Encoder.exists(name)
            checks.append(
                Check(
                    name: "encoder \(name)", verdict: isThere ? .ok : .broken,
                    detail: isThere ? purpose : "missing: install an FFmpeg built with it"))
        }
        for (name, purpose) in [("zscale", "HDR and colour conversion"), ("bwdif", "deinterlacing")] {
            let isThere = FilterGraph.exists(name)
            checks.append(
                Check(
                    name: "filter \(name)", verdict: isThere ? .ok : .warning,
                    detail: isThere ? purpose : "missing: \(purpose) is not available"))
        }
        return checks
    }

    /// Starts a child process and reports the confinement that it says is in force.
    private func isolation(_ settings: Settings) async -> Check {
        do throws(StageError) {
            let inForce = try await StageHost.confinement(settings)
            let words = [
                inForce.contains("landlock")
                    ? "can open only its footage and work folder (Landlock)"
                    : "can open other files: the kernel has no Landlock",
                inForce.contains("seccomp")
                    ? "can't use the network (seccomp)" : "can use the network: the kernel has no seccomp",
            ]
            return Check(
                name: "isolation", verdict: inForce.count == 2 ? .ok : .warning,
                detail: "the child that reads footage \(words.joined(separator: ", "))")
        } catch {
            return Check(name: "isolation", verdict: .broken, detail: error.description)
        }
    }

    private func plugins(_ settings: Settings) async -> [Check] {
        let (manifests, findings) = StageHost.manifests(settings)
        var checks = findings.map { Check(name: "plugins", verdict: .warning, detail: $0.text) }
        do throws(StageError) {
            let policy = try StageHost.policy(settings, manifests)
            let withheld = manifests.flatMap { policy.findings($0, onlySet: true) }
            checks += withheld.map { Check(name: "plugins", verdict: .warning, detail: $0.text) }
            for manifest in manifests {
                let plugin = Plugin(manifest, policy)
                do throws(StageError) {
                    let stages = try await plugin.stages().map(\.name.rawValue).joined(separator: ", ")
                    checks.append(
                        Check(
                            name: "plugin \(manifest.name)", verdict: .ok,
                            detail: "\(manifest.version): \(stages)"))
                } catch {
                    checks.append(
                        Check(name: "plugin \(manifest.name)", verdict: .warning, detail: error.description))
                }
                await plugin.close()
            }
        } catch {
            checks.append(Check(name: "plugins", verdict: .broken, detail: error.description))
        }
        return checks
    }

    private func writeAccess(_ settings: Settings) async -> [Check] {
        var checks: [Check] = []
        do throws(StageError) {
            let assembly = try await HostAssembly.open(settings, database: database.db)
            checks.append(Check(name: "database", verdict: .ok, detail: assembly.store.name))
            let free = try? URL(filePath: settings.home.path).resourceValues(
                forKeys: [.volumeAvailableCapacityKey]
            ).volumeAvailableCapacity
            if let free {
                let isEnough = free > 5_000_000_000
                checks.append(
                    Check(
                        name: "disk", verdict: isEnough ? .ok : .warning,
                        detail: "\(ByteCount(Int64(free))) free in \(settings.home.path)"))
            }
        } catch {
            checks.append(Check(name: "database", verdict: .broken, detail: error.description))
        }
        return checks
    }

    private func credentials(_ settings: Settings, isReachable: Bool) async -> Check {
        let provider = await VaultCredentials.forChecks(
            settings, await HostAssembly.existing(settings, database: database.db))
        if let problem = provider.problem(with: VaultCredentials.usualAccount) {
            return Check(
                name: "credentials", verdict: .warning, detail: "\(problem.message) (\(problem.hint ?? ""))")
        }
        guard isReachable, let token = try? await provider.tokens(for: VaultCredentials.usualAccount).accessToken,
            !token.reveal().isEmpty
        else {
            return Check(
                name: "credentials", verdict: .ok, detail: "token present; not checked with TikTok")
        }
        do throws(StageError) {
            let words = try await ConnectivityCheck.account(settings: settings.plain, token: token)
            return Check(name: "credentials", verdict: .ok, detail: words)
        } catch {
            return Check(name: "credentials", verdict: .warning, detail: error.description)
        }
    }

    private func service(_ settings: Settings) async -> [Check] {
        let base = settings["TIKTOK_API_BASE_URL"] ?? "https://open.tiktokapis.com"
        if offline { return [Check(name: "service", verdict: .ok, detail: "skipped (--offline)")] }
        do throws(StageError) {
            let reach = try await ConnectivityCheck.measure(settings: settings.plain)
            var checks = [
                Check(
                    name: "service", verdict: .ok,
                    detail: "\(base) answers in \(Int(reach.roundTrip.inSeconds * 1000)) ms")
            ]
            if let skew = reach.clockSkew {
                let isClose = abs(skew) < 60
                checks.append(
                    Check(
                        name: "clock", verdict: isClose ? .ok : .broken,
                        detail: isClose
                            ? "within \(max(1, Int(abs(skew)))) s of the service's clock"
                            : "off by \(Int(skew)) s, which breaks tokens and limits: set this machine's time"))
            }
            return checks
        } catch {
            return [
                Check(
                    name: "service", verdict: .warning,
                    detail: "\(base) can't be reached: \(error.message) (runs with --sandbox still work)"),
                Check(
                    name: "clock", verdict: .warning,
                    detail: "\(Date().forTables); not compared, because the service did not answer"),
            ]
        }
    }
}
