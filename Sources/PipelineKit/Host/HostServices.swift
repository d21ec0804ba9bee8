/// A service that a host may grant to stages beyond those that every ``StageContext`` has.
///
/// Conform the value that carries the service, and read it from a context's ``StageContext/services``:
///
/// ```swift
/// struct Thumbnails: HostServiceKey {
///     static let unavailable = Thumbnails(server: nil)
///     var server: URL?
/// }
/// let server = context.services[Thumbnails.self].server
/// ```
public protocol HostServiceKey: Sendable {
    /// The value that contexts give when the host granted none.
    static var unavailable: Self { get }
}

/// The services that a host granted to a stage, by type.
public struct HostServices: Sendable {
    private var values: [ObjectIdentifier: any Sendable] = [:]

    /// Grants nothing.
    public init() {}

    /// The service of a type; its `unavailable` value when the host granted none.
    public subscript<Service: HostServiceKey>(type: Service.Type) -> Service {
        get { values[ObjectIdentifier(type)] as? Service ?? Service.unavailable }
        set { values[ObjectIdentifier(type)] = newValue }
    }
}
