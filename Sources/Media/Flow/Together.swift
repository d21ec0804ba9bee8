import Foundation
import Synchronization

/// Runs two pieces of blocking work at the same time.
enum Together {
    /// Runs `first` on the calling thread and `second` on a new thread, and waits for both.
    /// - Throws: The error of `first`, otherwise the error of `second`.
    static func run<First, Second: Sendable>(
        _ first: () throws(MediaError) -> First, _ second: @escaping @Sendable () throws(MediaError) -> Second
    ) throws(MediaError) -> (First, Second) {
        let answer = Answer<Second>()
        let thread = Thread {
            do throws(MediaError) {
                answer.give(.success(try second()))
            } catch {
                answer.give(.failure(error))
            }
        }
        thread.name = "media-second"
        thread.start()
        let mine: Result<First, MediaError>
        do throws(MediaError) {
            mine = .success(try first())
        } catch {
            mine = .failure(error)
        }
        let other = answer.wait()
        return (try mine.get(), try other.get())
    }
}

/// A value that one thread sets once and another waits for.
private final class Answer<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, MediaError>?>(nil)
    private let signal = DispatchSemaphore(value: 0)

    func give(_ value: Result<Value, MediaError>) {
        result.withLock { $0 = value }
        signal.signal()
    }

    func wait() -> Result<Value, MediaError> {
        signal.wait()
        return result.withLock { $0 } ?? .failure(.cancelled("waiting"))
    }
}
