package import Foundation

/// The content of a faults file or of `PUT /_sandbox/faults`: changed settings, and rules that make requests fail.
///
/// ```json
/// {
///   "settings": { "processingSeconds": 0.1, "accountPrivacy": "public" },
///   "rules": [
///     { "match": { "path": "/upload/", "method": "PUT", "chunk": 2 }, "times": 1, "after": 0, "action": { "drop": "before" } }
///   ]
/// }
/// ```
/// A bare list is read as the rules. ``SettingKey`` lists the settings, ``FaultAction`` the actions.
package struct FaultPlan: Sendable, Equatable {
    var settings = SandboxSettings()
    var rules: [FaultRule] = []
    /// The JSON that the plan was read from; returned by `GET /_sandbox/faults`.
    var source: SandboxJSON = ["settings": [:], "rules": []]

    /// Default settings and no rules.
    static let none = FaultPlan()

    /// Parses a plan. Throws for unknown keys and invalid values.
    init(parsing data: Data, name: String) throws(SandboxError) {
        let value: SandboxJSON
        do {
            value = try SandboxJSON(parsing: data)
        } catch {
            throw SandboxError(
                .invalidFaults, "\(name): this is not JSON", hint: "see docs/sandbox.md for an example")
        }
        var reader = FaultPlanReader(name: name)
        do {
            self = try reader.read(value)
        } catch let error as SandboxError {
            throw error
        } catch {
            throw SandboxError(.invalidFaults, "\(name): \(error)")
        }
        source = value
    }

    /// Validates a plan without starting a sandbox. Returns nil if the plan is valid.
    /// - Parameters:
    ///   - data: The plan as JSON.
    ///   - name: The file name that messages start with.
    package static func problem(with data: Data, named name: String) -> SandboxError? {
        do throws(SandboxError) {
            _ = try FaultPlan(parsing: data, name: name)
            return nil
        } catch {
            return error
        }
    }

    init(contentsOf url: URL) throws(SandboxError) {
        let data: Data
        do {
            data = try Data(contentsOf: url)
        } catch {
            throw SandboxError(.invalidFaults, "cannot read the faults file \(url.path)", hint: "check the path")
        }
        try self.init(parsing: data, name: url.path)
    }

    init() {}
}
