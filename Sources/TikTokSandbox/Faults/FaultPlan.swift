package import Foundation

/// What a faults file or `PUT /_sandbox/faults` asks for: settings that differ from the usual, and rules for requests that go wrong.
///
/// ```json
/// {
///   "settings": { "processingSeconds": 0.1, "accountPrivacy": "public" },
///   "rules": [
///     { "match": { "path": "/upload/", "method": "PUT", "chunk": 2 }, "times": 1, "after": 0, "action": { "drop": "before" } }
///   ]
/// }
/// ```
/// A bare list is taken as the rules. The settings are those of ``SettingKey``, the actions those of ``FaultAction``.
package struct FaultPlan: Sendable, Equatable {
    var settings = SandboxSettings()
    var rules: [FaultRule] = []
    /// The JSON that the plan was read from, for `GET /_sandbox/faults`.
    var source: JSONValue = ["settings": [:], "rules": []]

    /// The usual behaviour.
    static let none = FaultPlan()

    /// Reads and checks JSON text. Nothing unknown is let through.
    init(parsing data: Data, name: String) throws(SandboxError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: data)
        } catch {
            throw SandboxError(
                .invalidFaults, "\(name): this is not JSON", hint: "see the sandbox's documentation for an example")
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

    /// What is wrong with a plan, told without a sandbox; nil when one would take it.
    /// - Parameters:
    ///   - data: JSON text.
    ///   - name: What the message calls it.
    package static func problem(with data: Data, named name: String) -> SandboxError? {
        do throws(SandboxError) {
            _ = try FaultPlan(parsing: data, name: name)
            return nil
        } catch {
            return error
        }
    }

    /// Reads a faults file.
    init(contentsOf url: URL) throws(SandboxError) {
        let data: Data
        do {
            data = try Data(contentsOf: url)
        } catch {
            throw SandboxError(.invalidFaults, "the faults file \(url.path) cannot be read", hint: "check the path")
        }
        try self.init(parsing: data, name: url.path)
    }

    init() {}
}
