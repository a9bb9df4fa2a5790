export {
  type Audited,
  type Check,
  Checking,
  type ContextAudit,
  type Database,
  type Figure,
  type Pending,
  type Reading,
  type Violation,
} from './audit';
export {
  type ContextDeclaration,
  declarationJsonSchema,
  declarationSchema,
  type DeclaredProcess,
  defaultPortOf,
  processesOf,
} from './declaration';
export { DeclarationError, readDeclarations } from './read-declarations';
